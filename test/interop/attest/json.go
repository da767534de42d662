package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

const maxStatement = 16_777_216

// failure is why something is refused: a word for programs, a sentence for people.
type failure struct{ reason, detail string }

func (f *failure) Error() string { return f.reason + ": " + f.detail }

func fail(reason, format string, args ...any) error {
	return &failure{reason, fmt.Sprintf(format, args...)}
}

type object = map[string]any

// readJSON reads one JSON value. Strict (statements, bundles, trust documents) refuses names that are there twice
// and halves of surrogate pairs; of the audit log's entries the last of two members counts.
func readJSON(data []byte, strict bool) (any, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errors.New("no JSON in UTF-8")
	}
	if strict && hasHalfPair(data) {
		return nil, errors.New("half of a surrogate pair")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return readValue(d, strict)
}

func readObject(data []byte, strict bool) (object, error) {
	v, err := readJSON(data, strict)
	if err != nil {
		return nil, err
	}
	if o, ok := v.(object); ok {
		return o, nil
	}
	return nil, errors.New("no JSON object")
}

func readValue(d *json.Decoder, strict bool) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := o[name.(string)]; twice && strict {
				return nil, fmt.Errorf("%q is there twice", name)
			}
			if o[name.(string)], err = readValue(d, strict); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		l := []any{}
		for d.More() {
			v, err := readValue(d, strict)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		_, err = d.Token()
		return l, err
	}
	return token, nil
}

// hasHalfPair looks for escapes of surrogates that are no pair, in JSON that is valid.
func hasHalfPair(data []byte) bool {
	unit := func(i int) uint64 {
		if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
			return 0
		}
		n, _ := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
		return n
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		if u := unit(i); u >= 0xdc00 && u < 0xe000 {
			return true
		} else if u >= 0xd800 && u < 0xdc00 {
			if low := unit(i + 6); low < 0xdc00 || low >= 0xe000 {
				return true
			}
			i += 10
		}
		i++
	}
	return false
}

// get walks down objects; what is missing (or null) is nil.
func get(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(object)
		v = o[name]
	}
	return v
}

func str(v any, path ...string) string {
	s, _ := get(v, path...).(string)
	return s
}

func items(v any, path ...string) []any {
	l, _ := get(v, path...).([]any)
	return l
}

// whole is a whole number from 0 to 2^53 - 1.
func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	if err != nil || f < 0 || f > 1<<53-1 || f != float64(int64(f)) {
		return 0, false
	}
	return int64(f), true
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)

func parseDecimal(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && decimal.MatchString(s) && n <= 1<<53-1
}

func unbase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return nil, errors.New("no canonical base64")
	}
	return b, nil
}

// bytesAt is the base64 member at the path, not empty.
func bytesAt(v any, path ...string) ([]byte, error) {
	b, err := unbase64(str(v, path...))
	if err != nil || len(b) == 0 {
		return nil, fail("malformed", "%v has to be base64", path)
	}
	return b, nil
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`)

func parseTime(v any) (time.Time, bool) {
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.Truncate(time.Millisecond), err == nil && rfc3339.MatchString(s) && t.Year() > 0
}
