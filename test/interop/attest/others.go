package main

import "strings"

// others: what the entries beside the step's beginning and end have to agree with.
func (a *agreement) others(entries []*entry, complete bool) {
	for _, e := range entries {
		switch e.kind {
		case "session.issued":
			a.near("session.issued", get(a.receipt, "session", "issued"), e.time)
			a.issued(e.data)
		case "lease.issued":
			if c := a.credential(e.subject); c != nil {
				for _, name := range []string{"connection", "kind", "grant"} {
					a.same("credentials."+name, get(c, name), e.data[name])
				}
			} else {
				a.need(a.receipt["credentialsCount"] != nil, "the credential %s is missing", e.subject)
			}
		case "lease.revoked":
			if c := a.credential(e.subject); c != nil {
				a.need(get(c, "revoked") != nil, "the credential %s was revoked", e.subject)
				a.same("credentials.reason", get(c, "reason"), e.data["reason"])
			}
		case "packages.published":
			for _, p := range items(e.data, "packages") {
				a.need(hexOf(p) == "" || has(a.receipt["published"], "name", p), "published lacks %s", str(p, "purl"))
			}
		case "packages.downloaded":
			for _, p := range items(e.data, "packages") {
				ok := get(p, "part") == true || a.receipt["materialsOmitted"] != nil || has(a.receipt["materials"], "uri", p)
				a.need(ok, "materials lacks %s", str(p, "purl"))
			}
		}
	}
	a.approvals(entries)
	if !complete {
		return
	}
	for _, p := range items(a.receipt, "published") {
		a.need(inEntries(entries, "packages.published", "name", p), "published %s is in no entry", str(p, "name"))
	}
	for _, m := range items(a.receipt, "materials") {
		ok := !strings.HasPrefix(str(m, "uri"), "pkg:") || inEntries(entries, "packages.downloaded", "uri", m)
		a.need(ok, "the material %s is in no entry", str(m, "uri"))
	}
}

func (a *agreement) issued(data object) {
	r := a.receipt
	a.same("identity.issuer", get(r, "identity", "issuer"), data["issuer"])
	a.same("identity.issuerUrl", get(r, "identity", "issuerUrl"), data["issuerUrl"])
	for _, name := range []string{"id", "attempt", "job"} {
		a.same("run.ci."+name, get(r, "run", "ci", name), get(data, "ciRun", name))
	}
	attributes, _ := get(r, "identity", "attributes").(object)
	for name, value := range attributes {
		a.same("identity.attributes."+name, value, get(data, "identity", name))
	}
	ours, theirs := items(r, "session", "roles"), items(data, "roles")
	a.need(len(ours) == len(theirs) && within(ours, theirs, equal), "session.roles")
	person := get(data, "actor", "id", "person")
	if person == nil {
		person = get(data, "actor", "login", "person")
	}
	a.same("identity.person", get(r, "identity", "person"), person)
}

func (a *agreement) credential(lease string) any {
	for _, c := range items(a.receipt, "credentials") {
		if str(c, "lease") == lease {
			return c
		}
	}
	return nil
}

// has: one of the receipt's list is this package of an entry.
func has(l any, name string, p any) bool {
	for _, r := range items(l) {
		if samePackage(r, name, p) {
			return true
		}
	}
	return false
}

// samePackage: by name and, where the entry knows it, SHA-256.
func samePackage(r any, name string, p any) bool {
	digest := hexOf(p)
	return equal(get(r, name), get(p, "purl")) && (digest == "" || digest == str(r, "digest", "sha256"))
}

func inEntries(entries []*entry, kind, name string, r any) bool {
	for _, e := range entries {
		for _, p := range items(e.data, "packages") {
			if e.kind == kind && samePackage(r, name, p) {
				return true
			}
		}
	}
	return false
}

// signersWord names what is in the receipt and in no entry: more than the page's list, which lacks subjects,
// and packages whose entries are there without words.
func (a *agreement) signersWord(entries []*entry, subjects []any) []string {
	word := []string{"server", "policy"}
	there, wants := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		there[e.kind], there[e.kind+" "+e.subject] = true, true
		if e.kind == "step.finished" && e.data["granted"] == nil && e.data["denied"] == nil {
			word = append(word, "operations")
		}
		for _, w := range items(e.data, "git", "wants") {
			wants[str(w)] = e.kind == "access.granted"
		}
	}
	if !there["session.issued"] {
		word = append(word, "session")
	}
	for _, x := range items(a.receipt, "approvals") {
		id := str(x, "id")
		if granted, denied := a.votes(entries, id); len(granted) == 0 || denied {
			word = append(word, id)
		}
	}
	for _, c := range items(a.receipt, "credentials") {
		if id := str(c, "lease"); !there["lease.issued "+id] {
			word = append(word, id)
		}
	}
	for _, m := range items(a.receipt, "materials") {
		uri := str(m, "uri")
		isPackage := strings.HasPrefix(uri, "pkg:") && inEntries(entries, "packages.downloaded", "uri", m)
		if !isPackage && !wants[str(m, "digest", "gitCommit")] {
			word = append(word, strings.TrimSpace(uri+" "+str(m, "name")))
		}
	}
	for _, p := range items(a.receipt, "published") {
		if !inEntries(entries, "packages.published", "name", p) {
			word = append(word, "published "+str(p, "name"))
		}
	}
	made := map[string]bool{}
	for _, e := range entries {
		for _, f := range items(e.data, "reported", "artifacts", "files") {
			made[str(f, "sha256")] = e.kind == "step.finished"
		}
		for _, p := range items(e.data, "packages") {
			made[hexOf(p)] = made[hexOf(p)] || e.kind == "packages.published"
		}
	}
	for _, s := range subjects {
		if !made[str(s, "digest", "sha256")] {
			word = append(word, "subject "+str(s, "name"))
		}
	}
	return word
}
