package main

import "github.com/orderledger/orderledger/services/role"

// watchers are told what this process does.
func watchers() role.Watchers { return role.Watchers{} }
