module mayfly.test/interop

go 1.25.0

require (
	github.com/transparency-dev/merkle v0.0.2
	golang.org/x/mod v0.40.0 // before it tlog leaves some tiles unverified: CVE-2026-56865
)
