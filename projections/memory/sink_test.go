package memory_test

import (
	"testing"

	"github.com/orderledger/orderledger/projections/memory"
	"github.com/orderledger/orderledger/projections/projectiontest"
)

func TestSink(t *testing.T) { projectiontest.Run(t, memory.New()) }
