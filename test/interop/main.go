// The reference implementation's side of the tests in this folder: golang.org/x/mod/sumdb/{tlog,note}, and
// transparency-dev/merkle as a second opinion. It shares no code with Mayfly, and reads what any user of the
// log can read: C2SP tlog-tiles files and the log's public key.
//
//	interop read <folder or URL> <vkey>   verifies a whole log
//	interop consistency <file> <vkey>     verifies a proof of consistency
//	interop prove                         makes roots, proofs and a signed note (JSON from standard input)
//	interop check                         gives verdicts on proofs and notes (JSON from standard input)
//
// It prints JSON. What it refuses is one line on standard error and exit code 1; wrong usage is exit code 2.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	answer, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) (any, error) {
	switch {
	case len(args) == 3 && args[0] == "read":
		return readLog(args[1], args[2])
	case len(args) == 3 && args[0] == "consistency":
		return checkConsistencyFile(args[1], args[2])
	case len(args) == 1 && args[0] == "prove":
		return answerTo(prove)
	case len(args) == 1 && args[0] == "check":
		return answerTo(check)
	}
	fmt.Fprintln(os.Stderr, "usage: interop read <folder or URL> <vkey> | consistency <file> <vkey> | prove | check")
	os.Exit(2)
	return nil, nil
}

func answerTo[Request, Answer any](handle func(Request) (Answer, error)) (any, error) {
	var request Request
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return handle(request)
}
