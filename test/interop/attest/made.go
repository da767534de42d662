package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// named: the files that the receipt names are the entry's, whose list has the digest that it says.
func (a *agreement) named(place string, ours, theirs any) {
	n, _ := whole(get(ours, "count"))
	m, _ := whole(get(theirs, "count"))
	a.need(n == m, "%s.count", place)
	files := items(theirs, "files")
	isWhole := m == int64(len(files))
	if m > 0 || ours != nil || len(files) > 0 {
		a.same(place+".listDigest", get(ours, "listDigest", "sha256"), get(theirs, "sha256"))
	}
	a.need(!isWhole || get(theirs, "sha256") == nil || sums(files) == str(theirs, "sha256"), "%s.listDigest is not that of the files", place)
	switch named := items(ours, "files"); {
	case ours != nil && len(named) == 0:
		a.leave("%s.files", place)
	case len(named) < 100:
		for _, f := range files {
			is := func(r any) bool { return equal(get(r, "bytes"), get(f, "bytes")) && isFile(r, f) }
			a.need(slices.ContainsFunc(named, is), "%s lacks %q", place, str(f, "path"))
		}
	}
	for i, r := range items(ours, "files") {
		is := func(f any) bool { return equal(get(r, "bytes"), get(f, "bytes")) && isFile(r, f) }
		if !slices.ContainsFunc(files, is) {
			a.need(!isWhole, "%s: %s is in no entry", place, str(r, "name"))
			a.leave("%s.files[%d]", place, i)
		}
	}
}

// isFile: by digest, and by the name that it has in a receipt.
func isFile(r, f any) bool {
	path := str(f, "path")
	return str(r, "digest", "sha256") == str(f, "sha256") &&
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
func (a *agreement) subjects(subjects []any, artifacts any, omitted bool) {
	files, published := items(artifacts, "files"), items(a.receipt, "published")
	n, _ := whole(get(artifacts, "count"))
	isWhole := !omitted && n == int64(len(files))
	known, byName := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		known[str(f, "sha256")] = true
	}
	for _, p := range published {
		known[str(p, "digest", "sha256")] = true
		byName[str(p, "digest", "sha256")+" "+str(p, "name")] = true
	}
	isPublished := func(s any) bool { return byName[str(s, "digest", "sha256")+" "+str(s, "name")] }
	var own []any
	for _, s := range subjects[1:] {
		if path := str(s, "name"); !isPublished(s) {
			if rest, ok := strings.CutPrefix(path, "./"); ok && likeURI.MatchString(rest) {
				path = rest
			}
			own = append(own, object{"path": path, "sha256": get(s, "digest", "sha256")})
		}
	}
	isList := artifacts != nil && sums(own) == str(artifacts, "sha256")
	for i, s := range subjects[1:] {
		switch {
		case isList:
		case !known[str(s, "digest", "sha256")]:
			a.need(!isWhole, "the subject %d is in no entry", i+1)
			a.leave("subject[%d]", i+1)
		case get(s, "name") != nil && !isPublished(s) && !slices.ContainsFunc(files, func(f any) bool { return isFile(s, f) }):
			a.leave("subject[%d].name", i+1)
		}
	}
}

var likeURI = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+.-]*:`)

// approvals: what an approval says is what its entries have, if nobody denied it.
func (a *agreement) approvals(entries []*entry) {
	for i, r := range items(a.receipt, "approvals") {
		granted, enough, denied := a.votes(entries, str(r, "id"))
		if !enough || denied {
			a.leave("approvals[%d]", i)
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
		people := map[string]bool{}
		for _, e := range granted {
			if person := str(e.data, "by", "person"); person != "" {
				people[person] = true
			}
		}
		same := len(people) == len(items(r, "people"))
		for _, person := range items(r, "people") {
			same = same && people[str(person)]
			delete(people, str(person))
		}
		if !same {
			a.leave("approvals[%d].people", i)
		}
	}
}

// votes: of an approval, and whether all that it needed was said before the step's end.
func (a *agreement) votes(entries []*entry, id string) (granted []*entry, enough, denied bool) {
	ended := false
	for _, e := range entries {
		ended = ended || e.kind == "step.finished"
		if e.subject == id && e.kind == "approval.granted" {
			granted, enough = append(granted, e), enough || !ended && e.data["complete"] == true
		}
		denied = denied || e.subject == id && e.kind == "approval.denied"
	}
	return granted, enough, denied
}
