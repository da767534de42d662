package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// named: the files that the receipt names are the entry's, whose list has the digest that it says.
func (a *agreement) named(name string, ours, theirs any) {
	n, _ := whole(get(ours, "count"))
	m, _ := whole(get(theirs, "count"))
	a.need(n == m, "reported.%s.count", name)
	a.same("reported."+name+".listDigest", get(ours, "listDigest", "sha256"), get(theirs, "sha256"))
	files := items(theirs, "files")
	if m != int64(len(files)) {
		return
	}
	a.need(m == 0 || sums(files) == str(theirs, "sha256"), "reported.%s.listDigest is not that of the files", name)
	for _, r := range items(ours, "files") {
		found := slices.ContainsFunc(files, func(f any) bool { return isFile(r, f) })
		a.need(found, "reported.%s: %s is in no entry", name, str(r, "name"))
	}
}

func isFile(r, f any) bool {
	path := str(f, "path")
	return str(r, "digest", "sha256") == str(f, "sha256") && equal(get(r, "bytes"), get(f, "bytes")) &&
		(isText(str(r, "name"), path) || isText(str(r, "name"), "./"+path))
}

// sums is the SHA-256 of what sha256sum prints of the files.
func sums(files []any) string {
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(x, y any) int { return strings.Compare(str(x, "path"), str(y, "path")) })
	h := sha256.New()
	for _, f := range sorted {
		path := str(f, "path")
		spelt := strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r").Replace(path)
		if spelt != path {
			fmt.Fprint(h, "\\")
		}
		fmt.Fprintf(h, "%s  %s\n", str(f, "sha256"), spelt)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// subjects: each behind the first is a file of the entry, or published.
func (a *agreement) subjects(subjects []any, artifacts any) {
	files := items(artifacts, "files")
	n, _ := whole(get(artifacts, "count"))
	for _, s := range subjects[1:] {
		digest := str(s, "digest", "sha256")
		is := func(f any) bool { return str(f, "sha256") == digest }
		taken := func(p any) bool { return str(p, "digest", "sha256") == digest }
		found := slices.ContainsFunc(files, is) || slices.ContainsFunc(items(a.receipt, "published"), taken)
		a.need(found || artifacts != nil && n != int64(len(files)) || a.omittedArtifacts, "the subject %s is in no entry", str(s, "name"))
	}
}

// approvals: what an approval says is what its entries have, if nobody denied it.
func (a *agreement) approvals(entries []*entry) {
	for _, r := range items(a.receipt, "approvals") {
		granted, denied := a.votes(entries, str(r, "id"))
		if len(granted) == 0 || denied {
			continue
		}
		last := granted[len(granted)-1]
		operation := get(last.data, "bound", "operation")
		of, asked := "session", []string{}
		for _, one := range items(operation, "operations") {
			asked = append(asked, str(one))
		}
		if operation != nil {
			of = strings.Join(asked, ", ")
		}
		a.same("approvals.of", get(r, "of"), of)
		a.same("approvals.group", get(r, "group"), get(operation, "approvers"))
		at, _ := parseTime(get(r, "at"))
		a.need(at.Sub(last.time).Abs() <= 600*time.Second, "approvals.at")
	}
}

func (a *agreement) votes(entries []*entry, id string) (granted []*entry, denied bool) {
	for _, e := range entries {
		if e.subject == id && e.kind == "approval.granted" {
			granted = append(granted, e)
		}
		denied = denied || e.subject == id && e.kind == "approval.denied"
	}
	return granted, denied
}
