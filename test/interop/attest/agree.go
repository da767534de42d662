package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// An agreement holds the receipt against entries; err is the first thing that is not so.
type agreement struct {
	receipt          object
	omittedArtifacts bool
	err              error
}

func (a *agreement) need(ok bool, format string, args ...any) {
	if !ok && a.err == nil {
		a.err = fail("contradicted", "%s", fmt.Sprintf(format, args...))
	}
}

// same: both are missing, or equal; texts as "is" has it.
func (a *agreement) same(what string, ours, theirs any) { a.need(equal(ours, theirs), "%s", what) }

func equal(ours, theirs any) bool {
	switch r := ours.(type) {
	case string:
		e, ok := theirs.(string)
		return ok && isText(r, e)
	case json.Number:
		e, ok := theirs.(json.Number)
		x, err := r.Float64()
		y, err2 := e.Float64()
		return ok && err == nil && err2 == nil && x == y
	}
	return reflect.DeepEqual(ours, theirs)
}

func isText(receipt, entry string) bool {
	r, e := withoutControls(receipt), withoutControls(entry)
	if r == e {
		return true
	}
	if cut, ok := strings.CutSuffix(r, "…"); ok && units(r) >= 1024 && strings.HasPrefix(e, cut) {
		return true
	}
	cut, ok := strings.CutSuffix(e, "…")
	return ok && units(e) == 500 && strings.HasPrefix(r, cut)
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// within: each of some has its own partner in others.
func within(some, others []any, eq func(x, y any) bool) bool {
	used := make([]bool, len(others))
next:
	for _, x := range some {
		for i, y := range others {
			if !used[i] && eq(x, y) {
				used[i] = true
				continue next
			}
		}
		return false
	}
	return true
}

// sameList: the same members in any order; a list that is shorter than its count may lack some.
func (a *agreement) sameList(data object, name string) {
	ours, theirs := items(a.receipt, name), items(data, name)
	total := func(o object, l []any) (int64, bool) {
		if n, ok := whole(o[name+"Count"]); ok {
			return n, true
		}
		return int64(len(l)), false
	}
	n, weAreCut := total(a.receipt, ours)
	m, theyAreCut := total(data, theirs)
	a.need(n == m, "%s: %d in the receipt, %d in the entry", name, n, m)
	a.need(theyAreCut || within(ours, theirs, equal), "%s has more than the entry", name)
	a.need(weAreCut || within(theirs, ours, func(e, r any) bool { return equal(r, e) }), "%s has less than the entry", name)
}

func (a *agreement) near(what string, ours any, theirs time.Time) {
	t, _ := parseTime(ours)
	a.need(t.Sub(theirs).Abs() <= 600*time.Second, "%s is over 600 s from the entry's time", what)
}

func (a *agreement) started(e *entry) {
	r, theirs := a.receipt, get(e.data, "reported")
	a.same("session.id", get(r, "session", "id"), e.data["session"])
	a.same("step.role", get(r, "step", "role"), e.data["role"])
	a.same("reported.name", get(r, "reported", "name"), e.data["name"])
	a.near("step.started", get(r, "step", "started"), e.time)
	for _, m := range [][2]string{{"tier", "isolation"}, {"engine", "isolationBy"}, {"image", "image"}, {"command", "command"}} {
		a.same("reported."+m[0], get(r, "reported", m[0]), get(theirs, m[1]))
	}
	a.same("identity.issuer", get(r, "identity", "issuer"), get(e.data, "job", "issuer"))
	for _, name := range []string{"repository", "repository_id", "ref", "commit"} {
		a.same("identity.attributes."+name, get(r, "identity", "attributes", name), get(e.data, "job", name))
	}
	a.same("identity.person", get(r, "identity", "person"), get(e.data, "job", "actor", "person"))
	for _, name := range []string{"grants", "egress", "services"} {
		a.sameList(e.data, name)
	}
}

func (a *agreement) finished(e *entry, statement object) {
	r, ours, theirs := a.receipt, get(a.receipt, "reported"), get(e.data, "reported")
	a.same("session.id", get(r, "session", "id"), e.data["session"])
	for _, name := range []string{"role", "reason", "outcome"} {
		a.same("step."+name, get(r, "step", name), e.data[name])
	}
	a.near("step.finished", get(r, "step", "finished"), e.time)
	if e.data["granted"] != nil || e.data["denied"] != nil {
		a.operations(e.data, "granted")
		a.operations(e.data, "denied")
	}
	a.digest("log", r["log"], e.data["log"])

	omitted := map[string]bool{}
	for _, name := range items(theirs, "omitted") {
		omitted[str(name)] = true
	}
	for _, m := range [][2]string{{"exitCode", "exitCode"}, {"signal", "signal"}, {"durationMs", "duration_ms"},
		{"limit", "limit"}, {"limitsHeldBy", "limits_held_by"}, {"directAttempts", "direct_attempts"}} {
		if !omitted[m[1]] {
			a.same("reported."+m[0], get(ours, m[0]), get(theirs, m[1]))
		}
	}
	if !omitted["script"] {
		a.same("reported.script.of", get(ours, "script", "of"), get(theirs, "script", "of"))
		a.same("reported.script.digest", get(ours, "script", "digest", "sha256"), get(theirs, "script", "sha256"))
	}
	if !omitted["log"] {
		a.digest("reported.log", get(ours, "log"), get(theirs, "log"))
	}
	for _, name := range []string{"artifacts", "inputs"} {
		if !omitted[name] {
			a.named(name, get(ours, name), get(theirs, name))
		}
	}
	if !omitted["secrets_seen"] {
		x, y := items(ours, "secretsSeen"), items(theirs, "secrets_seen")
		pair := func(r, e any) bool {
			return equal(get(r, "name"), get(e, "name")) && equal(get(r, "count"), get(e, "count"))
		}
		a.need(len(x) == len(y) && within(x, y, pair), "reported.secretsSeen")
	}
	a.omittedArtifacts = omitted["artifacts"]
	a.subjects(items(statement, "subject"), get(theirs, "artifacts"))
	if len(items(ours, "artifacts", "files")) > 0 {
		for _, f := range items(theirs, "artifacts", "files") {
			found := false
			for _, s := range items(statement, "subject") {
				found = found || str(s, "digest", "sha256") == str(f, "sha256")
			}
			a.need(found, "the artifact %q is no subject", str(f, "path"))
		}
	}
}

func (a *agreement) operations(data object, name string) {
	ours, theirs := items(a.receipt, "operations", name), items(data, name)
	a.need(len(ours) == len(theirs), "operations.%s: %d in the receipt, %d in the entry", name, len(ours), len(theirs))
	sum := int64(0)
	for i, e := range theirs {
		n, _ := whole(get(e, "count"))
		sum += n
		if i < len(ours) {
			for _, member := range []string{"what", "count", "reason"} {
				a.same(fmt.Sprintf("operations.%s[%d].%s", name, i, member), get(ours[i], member), get(e, member))
			}
		}
	}
	total, _ := whole(get(a.receipt, "operations", name+"Total"))
	a.need(total == sum, "operations.%sTotal is %d, not %d", name, total, sum)
}

func (a *agreement) digest(what string, ours, theirs any) {
	a.same(what+".bytes", get(ours, "bytes"), get(theirs, "bytes"))
	a.same(what+".digest", get(ours, "digest", "sha256"), get(theirs, "sha256"))
}
