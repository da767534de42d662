package main

import (
	"crypto/sha256"
	"encoding/hex"
)

const receiptType = "urn:mayfly:step-receipt:v1"

var (
	short      = upTo(1024, "")
	onlySHA256 = exact{"sha256": kind(func(v any) bool { return digestForms["sha256"].MatchString(str(v)) })}
	bytesOf    = exact{"bytes": count, "digest": onlySHA256}
	fileList   = exact{"files": few{exact{"name": upTo(4096, ""), "digest": onlySHA256, "bytes": count}, 100},
		"count": atLeast(1), "listDigest?": onlySHA256}
)

var attributeNames = []string{"repository", "repository_id", "owner", "owner_id", "ref", "ref_protected", "commit", "workflow",
	"workflow_digest", "environment", "event", "runner", "fork"}

func attributesShape() exact {
	e := exact{}
	for _, name := range attributeNames {
		e[name+"?"] = short
	}
	return e
}

var receiptShape = exact{
	"server":   exact{"url": short, "version": upTo(64, "")},
	"run":      exact{"id": short, "ci": exact{"id": short, "attempt": short, "job": short}},
	"session":  exact{"id": short, "issued": instant, "roles": few{short, 1000}},
	"identity": exact{"issuer": short, "issuerUrl": short, "attributes": attributesShape(), "person?": short},
	"step": exact{"id": short, "role": short, "started": instant, "finished": instant,
		"reason": short, "outcome": short},
	"policy": exact{"version": count, "digest?": onlySHA256},
	"grants": few{short, 1000}, "egress": few{short, 1000}, "grantsCount?": atLeast(1001), "egressCount?": atLeast(1001),
	"services": few{within(1, 65_535), 1000},
	"approvals": few{exact{"id": short, "group?": short, "people": few{short, 1000}, "at": instant, "of": short},
		1000},
	"operations": exact{"granted": few{exact{"what": short, "count": atLeast(1)}, 1000}, "grantedTotal": count,
		"denied": few{exact{"what": short, "count": atLeast(1), "reason": short}, 1000}, "deniedTotal": count},
	"credentials": few{exact{"lease": short, "connection": short, "kind": short, "grant": short,
		"issued": instant, "expires": instant, "revoked?": instant, "reason?": short}, 1000},
	"credentialsCount?": atLeast(1001),
	"materials": few{exact{"uri": upTo(2048, ""), "digest": digests,
		"annotations": exact{"verifiedBy": upTo(64, ""), "connection": upTo(128, "")}}, 20_000},
	"materialsOmitted?": atLeast(1), "materialsIncomplete?": kind(func(v any) bool { return v == true }),
	"published": few{exact{"name": short, "digest": onlySHA256, "connection": short, "bytes?": count,
		"tags?": few{short, 10_000}}, 10_000},
	"log?": bytesOf,
	"reported": exact{"name": short, "tier": oneOf("B", "C", "E"), "isolation": upTo(64, ""), "engine?": short, "image?": short,
		"command": upTo(4096, ""), "workspace?": exact{"kind": upTo(64, ""), "id": upTo(256, "")},
		"exitCode?": count, "signal?": short, "durationMs?": count,
		"script?": exact{"of": oneOf("run", "argv"), "text": upTo(2000, "\n\t"), "digest?": onlySHA256},
		"limit?":  short, "limitsHeldBy?": short,
		"programs?": exact{"seen": few{exact{"program": short, "looks": count}, 100}, "looks": count, "more": count},
		"log?":      bytesOf, "artifacts?": fileList, "inputs?": fileList,
		"secretsSeen?": few{exact{"name": short, "count": count}, 100}, "directAttempts?": count},
	"audit": exact{"origin": short, "key": short, "checkpoint": anyUpTo(65_536), "omitted?": atLeast(1),
		"entries": few{exact{"index": count, "leafHash": hash, "proof": proof, "entry?": anyUpTo(65_535)}, 2000}},
}

var receiptSubjects = few{record{"name?": upTo(4096, ""), "digest": onlySHA256}, 20_000}

// checkReceipt is "Checking a receipt"; known is the log's key from elsewhere, or nil. What comes back is what no entry bears out.
func checkReceipt(statement object, known *logKey) (signersWord []string, err error) {
	// 1. form
	receipt, _ := statement["predicate"].(object)
	if statement["predicateType"] != receiptType {
		return nil, fail("malformed", "it is no step receipt")
	}
	if err := receiptShape.check("predicate", receipt); err != nil {
		return nil, err
	}
	if err := receiptSubjects.check("subject", statement["subject"]); err != nil {
		return nil, err
	}
	if err := checkNumbers(receipt); err != nil {
		return nil, err
	}
	audit := receipt["audit"]
	complete := get(audit, "omitted") == nil && receipt["materialsIncomplete"] == nil
	for _, e := range items(audit, "entries") {
		complete = complete && get(e, "entry") != nil
	}
	// 2. the log
	key, err := parseVkey(str(audit, "key"))
	if err != nil || key.name != str(audit, "origin") {
		return nil, fail("malformed", "the log's key is none, or not that of its origin")
	}
	if known != nil && (known.name != key.name || !known.key.Equal(key.key)) {
		return nil, fail("other_log", "the receipt is about another log, %s", str(audit, "key"))
	}
	c, err := openCheckpoint(str(audit, "checkpoint"), key)
	if err != nil {
		return nil, fail("bad_checkpoint", "%v", err)
	}
	// 3. places
	for _, e := range items(audit, "entries") {
		index, _ := whole(get(e, "index"))
		b, _ := unbase64(str(e, "leafHash"))
		leaf := [32]byte(b)
		if there := get(e, "entry"); there != nil && leafHash([]byte(str(there))) != leaf {
			return nil, fail("not_in_log", "the text of entry %d is not its leaf's", index)
		}
		if !included(leaf, index, items(e, "proof"), c) {
			return nil, fail("not_in_log", "the proof of entry %d does not lead to the checkpoint", index)
		}
	}
	// 4. whose
	var entries []*entry
	for _, raw := range items(audit, "entries") {
		if get(raw, "entry") == nil {
			continue
		}
		index, _ := whole(get(raw, "index"))
		e, err := readEntry(str(raw, "entry"))
		if err != nil {
			return nil, fail("malformed", "entry %d cannot be read: %v", index, err)
		}
		if !e.belongs(receipt) {
			return nil, fail("foreign_entry", "entry %d is not of this step", index)
		}
		entries = append(entries, e)
	}
	// 5. needed
	step := str(receipt, "step", "id")
	started, finished := one(entries, "step.started", step), one(entries, "step.finished", step)
	issued := one(entries, "session.issued", str(receipt, "session", "id"))
	if issued == nil || started == nil || finished == nil {
		return nil, fail("missing_entry", "there has to be one session.issued, one step.started and one step.finished")
	}
	first, digest := items(statement, "subject")[0], sha256.Sum256([]byte(finished.text))
	if str(first, "name") != step || str(first, "digest", "sha256") != hex.EncodeToString(digest[:]) {
		return nil, fail("contradicted", "the first subject is not the entry of the step's end")
	}
	// 6. agreement
	a := &agreement{receipt: receipt, complete: complete, word: []string{"server", "policy", "audit.omitted"}}
	if known == nil {
		a.word = append(a.word, "audit.key")
	}
	a.issued(issued)
	a.started(started)
	a.finished(finished, items(statement, "subject"))
	for _, e := range entries {
		a.job(e)
	}
	a.order(entries)
	a.credentials(entries)
	a.published(entries)
	a.materials(entries)
	a.approvals(entries)
	return a.word, a.err
}

// one is the entry of that type, if there is exactly one, and its subject is this.
func one(entries []*entry, kind, subject string) (found *entry) {
	n := 0
	for _, e := range entries {
		if e.kind == kind {
			n, found = n+1, e
		}
	}
	if n != 1 || found.subject != subject {
		return nil
	}
	return found
}
