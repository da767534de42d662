package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A shape says which form a value has to have.
type shape interface {
	check(path string, v any) error
}

type kind func(any) bool

func (k kind) check(path string, v any) error {
	if !k(v) {
		return fail("malformed", "%s is missing or has another type", path)
	}
	return nil
}

// record: members by name; those with ? behind their name may be missing, others are passed over.
type record map[string]shape

func (r record) check(path string, v any) error {
	o, ok := v.(object)
	if !ok {
		return fail("malformed", "%s has to be an object", path)
	}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		s := r[name]
		bare := strings.TrimSuffix(name, "?")
		member, there := o[bare]
		if !there && bare != name {
			continue
		}
		if err := s.check(path+"."+bare, member); err != nil {
			return err
		}
	}
	return nil
}

// exact: a record that has no other members.
type exact record

func (e exact) check(path string, v any) error {
	if err := record(e).check(path, v); err != nil {
		return err
	}
	for name := range v.(object) {
		if e[name] == nil && e[name+"?"] == nil || strings.HasSuffix(name, "?") {
			return fail("malformed", "%s.%q is not known", path, name)
		}
	}
	return nil
}

// few: a list of up to so many.
type few struct {
	of   shape
	most int
}

func (f few) check(path string, v any) error {
	if n := len(items(v)); n > f.most {
		return fail("malformed", "%s has %d members", path, n)
	}
	return list{f.of}.check(path, v)
}

// text of so many UTF-16 units, without control characters but those that are allowed.
func upTo(most int, allowed string) kind {
	return func(v any) bool {
		s, ok := v.(string)
		odd := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune(allowed, r) }
		return ok && units(s) <= most && !strings.ContainsFunc(s, odd)
	}
}

func anyUpTo(most int) kind {
	return func(v any) bool { s, ok := v.(string); return ok && units(s) <= most }
}

func oneOf(words ...string) kind { return func(v any) bool { return slices.Contains(words, str(v)) } }

func within(least, most int64) kind {
	return func(v any) bool { n, ok := whole(v); return ok && least <= n && n <= most }
}

func atLeast(least int64) kind { return within(least, 1<<53-1) }

type list struct{ of shape }

func (l list) check(path string, v any) error {
	a, ok := v.([]any)
	if !ok {
		return fail("malformed", "%s has to be a list", path)
	}
	for i, item := range a {
		if err := l.of.check(fmt.Sprintf("%s[%d]", path, i), item); err != nil {
			return err
		}
	}
	return nil
}

// textMembers: an object whose members are all texts.
var textMembers = kind(func(v any) bool {
	o, ok := v.(object)
	for _, m := range o {
		if _, is := m.(string); !is {
			return false
		}
	}
	return ok
})

var (
	text     = kind(func(v any) bool { _, ok := v.(string); return ok })
	number   = kind(func(v any) bool { _, ok := v.(json.Number); return ok })
	count    = kind(func(v any) bool { _, ok := whole(v); return ok })
	instant  = kind(func(v any) bool { _, ok := parseTime(v); return ok })
	anything = kind(func(v any) bool { return true })
	anObject = kind(func(v any) bool { _, ok := v.(object); return ok })
	hash     = kind(func(v any) bool { b, err := unbase64(str(v)); return err == nil && len(b) == 32 })
	proof    = kind(func(v any) bool { return list{hash}.check("", v) == nil && len(items(v)) <= 63 })
)

// is: the text is exactly this one.
func is(want string) kind { return func(v any) bool { return v == want } }

var digestForms = map[string]*regexp.Regexp{
	"sha256":    regexp.MustCompile(`^[0-9a-f]{64}$`),
	"sha384":    regexp.MustCompile(`^[0-9a-f]{96}$`),
	"sha512":    regexp.MustCompile(`^[0-9a-f]{128}$`),
	"gitCommit": regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`),
	"dirHash":   regexp.MustCompile(`^[0-9a-f]{64}$`),
}

// digests: a DigestSet, not empty, of the algorithms of the page.
var digests = kind(func(v any) bool {
	o, ok := v.(object)
	for name, d := range o {
		form := digestForms[name]
		if s, isText := d.(string); form == nil || !isText || !form.MatchString(s) {
			return false
		}
	}
	return ok && len(o) > 0
})

var sha256Digest = kind(func(v any) bool {
	return digestForms["sha256"].MatchString(str(v, "sha256"))
})

var descriptor = record{"name?": text, "uri?": text, "digest?": digests, "mediaType?": text, "annotations?": anObject}

var statementShape = exact{
	"_type":         is("https://in-toto.io/Statement/v1"),
	"subject":       list{record{"name?": text, "digest": sha256Digest}},
	"predicateType": text,
	"predicate":     anObject,
}

func readStatement(data []byte) (object, error) {
	if len(data) > maxStatement {
		return nil, fail("malformed", "the statement has over %d bytes", maxStatement)
	}
	statement, err := readObject(data, true)
	if err != nil {
		return nil, fail("malformed", "the statement: %v", err)
	}
	if err := statementShape.check("statement", statement); err != nil {
		return nil, err
	}
	if n := len(items(statement, "subject")); n == 0 || n > 20_000 {
		return nil, fail("malformed", "%d subjects", n)
	}
	return statement, nil
}
