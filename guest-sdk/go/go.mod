module wasmload

go 1.24
