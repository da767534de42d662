module mayfly.test/attest

go 1.25.0
