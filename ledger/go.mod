module github.com/orderledger/orderledger/ledger

go 1.26.0
