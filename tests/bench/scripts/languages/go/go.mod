module cost

go 1.24

require wasmload v0.0.0

replace wasmload => ../../../../../guest-sdk/go
