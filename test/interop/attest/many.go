package main

import (
	"encoding/json"
	"io"
)

// many answers lists of arguments, as each would be answered alone: a start of the program for each vector would be slow.
func many(in io.Reader, out io.Writer) error {
	var calls [][]string
	if err := json.NewDecoder(in).Decode(&calls); err != nil {
		return err
	}
	answers := make([]answer, len(calls))
	for i, args := range calls {
		answers[i], _ = answerTo(args)
	}
	return json.NewEncoder(out).Encode(answers)
}
