module github.com/orderledger/orderledger/test

go 1.26.0

require (
	github.com/orderledger/orderledger/ledger v0.0.0
	github.com/orderledger/orderledger/projections v0.0.0
	github.com/orderledger/orderledger/proto v0.0.0
	github.com/orderledger/orderledger/services v0.0.0
)

replace github.com/orderledger/orderledger/ledger => ../ledger

replace github.com/orderledger/orderledger/projections => ../projections

replace github.com/orderledger/orderledger/proto => ../proto

replace github.com/orderledger/orderledger/services => ../services
