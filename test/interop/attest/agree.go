package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// An agreement holds the receipt against entries; err is the first thing that is not so, word the places that are the server's word.
type agreement struct {
	receipt  object
	complete bool // all entries are there word for word
	word     []string
	err      error
}

func (a *agreement) leave(format string, args ...any) {
	a.word = append(a.word, fmt.Sprintf(format, args...))
}

// unfounded: it is in no entry, which is wrong if all are there.
func (a *agreement) unfounded(format string, args ...any) {
	if a.complete {
		a.need(false, format, args...)
	} else {
		a.leave(format, args...)
	}
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

// among: each of some has its own partner in others.
func among(some, others []any, eq func(x, y any) bool) bool {
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

// each: each of some is in others.
func each(some, others []any, eq func(x, y any) bool) bool {
	for _, x := range some {
		if !slices.ContainsFunc(others, func(y any) bool { return eq(x, y) }) {
			return false
		}
	}
	return true
}

func likewise(theirs, ours any) bool { return equal(ours, theirs) }

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
	for i, one := range ours {
		if !each([]any{one}, theirs, equal) {
			a.need(theyAreCut, "%s has more than the entry", name)
			a.leave("%s[%d]", name, i)
		}
	}
	a.need(weAreCut || each(theirs, ours, likewise), "%s has less than the entry", name)
}

func (a *agreement) near(what string, ours any, theirs time.Time) {
	t, _ := parseTime(ours)
	a.need(t.Sub(theirs).Abs() <= 600*time.Second, "%s is over 600 s from the entry's time", what)
}

func (a *agreement) issued(e *entry) {
	r := a.receipt
	a.near("session.issued", get(r, "session", "issued"), e.time)
	a.same("identity.issuer", get(r, "identity", "issuer"), e.data["issuer"])
	a.same("identity.issuerUrl", get(r, "identity", "issuerUrl"), e.data["issuerUrl"])
	for _, name := range []string{"id", "attempt", "job"} {
		a.same("run.ci."+name, get(r, "run", "ci", name), get(e.data, "ciRun", name))
	}
	for _, name := range attributeNames {
		a.same("identity.attributes."+name, get(r, "identity", "attributes", name), get(e.data, "identity", name))
	}
	ours, theirs := items(r, "session", "roles"), items(e.data, "roles")
	a.need(len(ours) == len(theirs) && each(ours, theirs, equal) && each(theirs, ours, likewise), "session.roles")
	person := get(e.data, "actor", "id", "person")
	if person == nil {
		person = get(e.data, "actor", "login", "person")
	}
	a.same("identity.person", get(r, "identity", "person"), person)
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
	isolation := "namespace"
	switch {
	case str(theirs, "isolation") == "E":
		isolation = "none"
	case str(theirs, "isolation") == "C":
		isolation = "namespace-no-pid"
	case get(theirs, "isolationBy") != nil:
		isolation = "container"
	}
	a.same("reported.isolation", get(r, "reported", "isolation"), isolation)
	for _, name := range []string{"kind", "id"} {
		a.same("reported.workspace."+name, get(r, "reported", "workspace", name), get(theirs, "workspace", name))
	}
	a.same("identity.person", get(r, "identity", "person"), get(e.data, "job", "actor", "person"))
	for _, name := range []string{"grants", "egress", "services"} {
		a.sameList(e.data, name)
	}
}

func (a *agreement) finished(e *entry, subjects []any) {
	r, ours, theirs := a.receipt, get(a.receipt, "reported"), get(e.data, "reported")
	a.same("session.id", get(r, "session", "id"), e.data["session"])
	for _, name := range []string{"role", "reason", "outcome"} {
		a.same("step."+name, get(r, "step", name), e.data[name])
	}
	if e.time.Sub(timeAt(r, "step", "finished")) > 600*time.Second {
		a.leave("step.finished")
	} else {
		a.near("step.finished", get(r, "step", "finished"), e.time)
	}
	if e.data["granted"] != nil || e.data["denied"] != nil {
		a.operations(e.data, "granted")
		a.operations(e.data, "denied")
	} else {
		a.leave("operations")
	}
	if e.data["downloadsIncomplete"] == true {
		a.need(r["materialsIncomplete"] == true, "materialsIncomplete")
	} else if r["materialsIncomplete"] != nil {
		a.leave("materialsIncomplete")
	}
	a.digest("log", r["log"], e.data["log"])

	omitted := map[string]bool{}
	for _, name := range items(theirs, "omitted") {
		omitted[str(name)] = true
	}
	holds := func(name, theirName string, compare func(place string, ours, theirs any)) {
		if omitted[theirName] {
			a.leave("reported.%s", name)
		} else {
			compare("reported."+name, get(ours, name), get(theirs, theirName))
		}
	}
	for _, m := range [][2]string{{"exitCode", "exitCode"}, {"signal", "signal"}, {"durationMs", "duration_ms"},
		{"limit", "limit"}, {"limitsHeldBy", "limits_held_by"}, {"directAttempts", "direct_attempts"}} {
		holds(m[0], m[1], a.same)
	}
	holds("script", "script", func(place string, x, y any) {
		a.same(place+".of", get(x, "of"), get(y, "of"))
		a.same(place+".text", get(x, "text"), get(y, "text"))
		a.same(place+".digest", get(x, "digest", "sha256"), get(y, "sha256"))
	})
	holds("programs", "programs", a.programs)
	holds("log", "log", a.digest)
	holds("artifacts", "artifacts", a.named)
	holds("inputs", "inputs", a.named)
	holds("secretsSeen", "secrets_seen", func(place string, x, y any) {
		pair := func(r, e any) bool {
			return equal(get(r, "name"), get(e, "name")) && equal(get(r, "count"), get(e, "count"))
		}
		a.need(len(items(x)) == len(items(y)) && among(items(x), items(y), pair), "%s", place)
	})
	var artifacts any
	if !omitted["artifacts"] {
		artifacts = get(theirs, "artifacts")
	}
	a.subjects(subjects, artifacts, omitted["artifacts"])
	if len(items(ours, "artifacts", "files")) > 0 {
		made := map[string]bool{}
		for _, s := range subjects {
			made[str(s, "digest", "sha256")] = true
		}
		for _, f := range items(theirs, "artifacts", "files") {
			a.need(made[str(f, "sha256")], "the artifact %q is no subject", str(f, "path"))
		}
	}
}

func (a *agreement) programs(place string, ours, theirs any) {
	a.same(place+".looks", get(ours, "looks"), get(theirs, "looks"))
	a.same(place+".more", get(ours, "more"), get(theirs, "more"))
	x, y := items(ours, "seen"), items(theirs, "seen")
	a.need(len(x) == len(y), "%s.seen", place)
	for i := range min(len(x), len(y)) {
		a.same(place+".seen.program", get(x[i], "program"), get(y[i], "program"))
		a.same(place+".seen.looks", get(x[i], "looks"), get(y[i], "looks"))
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
