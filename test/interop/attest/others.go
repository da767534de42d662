package main

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// credentials: each against the entries of its life.
func (a *agreement) credentials(entries []*entry) {
	issued, until, revoked := map[string]*entry{}, map[string]any{}, map[string]*entry{}
	for _, e := range entries {
		switch e.kind {
		case "lease.issued":
			if issued[e.subject] == nil {
				issued[e.subject] = e
			}
			if _, there := until[e.subject]; !there {
				until[e.subject] = e.data["expires"]
			}
		case "lease.renewed":
			if e.data["by"] == nil {
				until[e.subject] = e.data["expires"]
			}
		case "lease.revoked":
			revoked[e.subject] = e
		}
	}
	said := map[string]bool{}
	for i, c := range items(a.receipt, "credentials") {
		lease := str(c, "lease")
		said[lease] = true
		if end := revoked[lease]; end != nil {
			a.near("credentials.revoked", get(c, "revoked"), end.time)
			a.same("credentials.reason", get(c, "reason"), end.data["reason"])
		}
		begin := issued[lease]
		switch {
		case begin != nil:
			for _, name := range []string{"connection", "kind", "grant"} {
				a.same("credentials."+name, get(c, name), begin.data[name])
			}
			a.near("credentials.issued", get(c, "issued"), begin.time)
			end, ok := parseTime(until[lease])
			a.need(ok && end.Equal(timeAt(c, "expires")), "credentials.expires")
			if revoked[lease] == nil {
				a.leave("credentials[%d].revoked", i)
				a.leave("credentials[%d].reason", i)
			}
		case revoked[lease] == nil:
			a.leave("credentials[%d]", i)
		default:
			for _, name := range []string{"connection", "kind", "grant", "issued", "expires"} {
				a.leave("credentials[%d].%s", i, name)
			}
		}
	}
	total, many := whole(a.receipt["credentialsCount"])
	if many {
		a.leave("credentialsCount")
		a.need(total >= int64(len(issued)), "credentialsCount")
	}
	for lease := range issued {
		a.need(many || said[lease], "the credential %s is missing", lease)
	}
}

// A passed is files of an entry that are the same by name, SHA-256, connection and what named the digest.
type passed struct {
	bytes   []any
	tags    map[string]bool
	digests map[string]map[string]bool
	sets    []object // the digests of each
}

// packages: of all entries of that type, those that are told apart by name and digest, and by the connection (and by), too.
func packages(entries []*entry, kind string, by bool) (names map[string]bool, all map[string]*passed) {
	names, all = map[string]bool{}, map[string]*passed{}
	for _, e := range entries {
		if e.kind != kind {
			continue
		}
		for _, p := range items(e.data, "packages") {
			digest := digestsOf(p)
			if by && get(p, "part") == true || !by && str(digest, "sha256") == "" {
				continue
			}
			name := keyOf(str(p, "purl"), str(digest, "sha256"))
			names[name] = true
			key := keyOf(name, str(e.data, "connection"))
			if by {
				key = keyOf(key, str(p, "by"))
			}
			one := all[key]
			if one == nil {
				one = &passed{tags: map[string]bool{}, digests: map[string]map[string]bool{}}
				all[key] = one
			}
			one.bytes = append(one.bytes, get(p, "bytes"))
			if tag := str(p, "tag"); tag != "" {
				one.tags[tag] = true
			}
			for name, d := range digest {
				if one.digests[name] == nil {
					one.digests[name] = map[string]bool{}
				}
				one.digests[name][str(d)] = true
			}
			one.sets = append(one.sets, digest)
		}
	}
	return names, all
}

func keyOf(parts ...string) string { return withoutControls(strings.Join(parts, "\u2028")) }

// digestsOf: what an entry says of a file, in in-toto's names.
func digestsOf(p any) object {
	o := object{}
	for prefix, name := range map[string]string{"sha256-": "sha256", "sha384-": "sha384", "sha512-": "sha512", "h1:": "dirHash"} {
		encoded, ok := strings.CutPrefix(str(p, "integrity"), prefix)
		b, err := base64.StdEncoding.DecodeString(encoded)
		if ok && err == nil && digestForms[name].MatchString(hex.EncodeToString(b)) {
			o[name] = hex.EncodeToString(b)
		}
	}
	if s := str(p, "sha256"); s != "" {
		o["sha256"] = s
	}
	return o
}

func (a *agreement) published(entries []*entry) {
	names, all := packages(entries, "packages.published", false)
	for i, p := range items(a.receipt, "published") {
		name := keyOf(str(p, "name"), str(p, "digest", "sha256"))
		delete(names, name)
		one := all[keyOf(name, str(p, "connection"))]
		if one == nil {
			a.unfounded("published[%d]", i)
			continue
		}
		found := false
		for _, n := range one.bytes {
			found = found || equal(get(p, "bytes"), n)
		}
		a.need(found, "published[%d].bytes", i)
		more, left := false, len(one.tags)
		for _, tag := range items(p, "tags") {
			if one.tags[str(tag)] {
				left--
			} else {
				more = true
			}
		}
		a.need(left == 0, "published[%d].tags", i)
		if more {
			a.unfounded("published[%d].tags", i)
		}
	}
	for name := range names {
		a.need(false, "published lacks %q", name)
	}
}

func (a *agreement) materials(entries []*entry) {
	names, all := packages(entries, "packages.downloaded", true)
	wants := map[string]bool{}
	for _, e := range entries {
		for _, w := range items(e.data, "git", "wants") {
			wants[str(w)] = wants[str(w)] || e.kind == "access.granted"
		}
	}
	for i, m := range items(a.receipt, "materials") {
		digest, _ := get(m, "digest").(object)
		name := keyOf(str(m, "uri"), str(digest, "sha256"))
		delete(names, name)
		switch one := all[keyOf(keyOf(name, str(m, "annotations", "connection")), str(m, "annotations", "verifiedBy"))]; {
		case !strings.HasPrefix(str(m, "uri"), "pkg:"):
			if !wants[str(digest, "gitCommit")] || digest["gitCommit"] == nil {
				a.leave("materials[%d]", i)
				continue
			}
			a.leave("materials[%d].uri", i)
			a.leave("materials[%d].annotations", i)
			for name := range digest {
				if name != "gitCommit" {
					a.leave("materials[%d].digest.%s", i, name)
				}
			}
		case one == nil:
			a.unfounded("materials[%d]", i)
		default:
			for name, d := range digest {
				if one.digests[name] == nil {
					a.leave("materials[%d].digest.%s", i, name)
				} else {
					a.need(one.digests[name][str(d)], "materials[%d].digest.%s", i, name)
				}
			}
			a.need(hasAll(digest, one.sets), "materials[%d] lacks a digest", i)
		}
	}
	omitted, some := whole(a.receipt["materialsOmitted"])
	if some {
		a.leave("materialsOmitted")
	}
	a.need(int64(len(names)) <= omitted, "materials lacks %d", len(names))
}

// hasAll: of one of these files the receipt has all digests.
func hasAll(digest object, sets []object) bool {
next:
	for _, set := range sets {
		for name := range set {
			if digest[name] == nil {
				continue next
			}
		}
		return true
	}
	return false
}
