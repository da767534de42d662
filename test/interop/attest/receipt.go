package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

const receiptType = "urn:mayfly:step-receipt:v1"

var (
	counted  = list{record{"what": text, "count": count}}
	refused  = list{record{"what": text, "count": count, "reason": text}}
	bytesOf  = record{"bytes": count, "digest": sha256Digest}
	fileList = record{"files": list{record{"name": text, "digest": sha256Digest, "bytes": count}},
		"count": count, "listDigest?": sha256Digest}
)

var receiptShape = record{
	"server":   record{"url": text, "version": text},
	"run":      record{"id": text, "ci": record{"id": text, "attempt": text, "job": text}},
	"session":  record{"id": text, "issued": instant, "roles": list{text}},
	"identity": record{"issuer": text, "issuerUrl": text, "attributes": textMembers, "person?": text},
	"step": record{"id": text, "role": text, "started": instant, "finished": instant,
		"reason": text, "outcome": text},
	"policy": record{"version": count, "digest?": sha256Digest},
	"grants": list{text}, "egress": list{text}, "grantsCount?": count, "egressCount?": count,
	"services":   list{count},
	"approvals":  list{record{"id": text, "group?": text, "people": list{text}, "at": instant, "of": text}},
	"operations": record{"granted": counted, "grantedTotal": count, "denied": refused, "deniedTotal": count},
	"credentials": list{record{"lease": text, "connection": text, "kind": text, "grant": text,
		"issued": instant, "expires": instant, "revoked?": instant, "reason?": text}},
	"credentialsCount?": count,
	"materials":         list{descriptor}, "materialsOmitted?": count,
	"published": list{record{"name": text, "digest": digests, "connection": text, "bytes?": count, "tags?": list{text}}},
	"log?":      bytesOf,
	"reported": record{"name": text, "tier": text, "isolation": text, "engine?": text, "image?": text, "command": text,
		"workspace?": anObject, "exitCode?": number, "signal?": text, "durationMs?": number,
		"script?": record{"of": text, "text?": text, "digest?": sha256Digest},
		"limit?":  anything, "limitsHeldBy?": text, "programs?": anything, "log?": bytesOf, "artifacts?": fileList, "inputs?": fileList,
		"secretsSeen?": list{record{"name": text, "count": count}}, "directAttempts?": anything},
	"audit": record{"origin": text, "key": text, "checkpoint": text, "omitted?": count,
		"entries": list{record{"index": count, "leafHash": hash, "proof": proof, "entry?": text}}},
}

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
	audit := receipt["audit"]
	last, complete := int64(-1), true
	for _, e := range items(audit, "entries") {
		index, _ := whole(get(e, "index"))
		if index <= last {
			return nil, fail("malformed", "the entries do not ascend at index %d", index)
		}
		last, complete = index, complete && get(e, "entry") != nil
	}
	if n, _ := whole(get(audit, "omitted")); n > 0 {
		complete = false
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
			return nil, fail("foreign_entry", "entry %d cannot be read: %v", index, err)
		}
		if !e.belongs(receipt) {
			return nil, fail("foreign_entry", "entry %d is not of this step", index)
		}
		entries = append(entries, e)
	}
	// 5. needed
	step := str(receipt, "step", "id")
	started, finished := one(entries, "step.started", step), one(entries, "step.finished", step)
	if started == nil || finished == nil {
		return nil, fail("missing_entry", "there has to be one step.started and one step.finished of the step")
	}
	first, digest := items(statement, "subject")[0], sha256.Sum256([]byte(finished.text))
	if str(first, "name") != step || str(first, "digest", "sha256") != hex.EncodeToString(digest[:]) {
		return nil, fail("contradicted", "the first subject is not the entry of the step's end")
	}
	// 6. agreement
	a := &agreement{receipt: receipt}
	a.started(started)
	a.finished(finished, statement)
	a.others(entries, complete)
	return a.signersWord(entries, items(statement, "subject")[1:]), a.err
}

// one is the entry of that type, if there is exactly one, and its subject is the step.
func one(entries []*entry, kind, step string) (found *entry) {
	n := 0
	for _, e := range entries {
		if e.kind == kind {
			n, found = n+1, e
		}
	}
	if n != 1 || found.subject != step {
		return nil
	}
	return found
}

// hexOf is the SHA-256 of a package of an entry, in hex; empty if it is not known.
func hexOf(p any) string {
	if s := str(p, "sha256"); s != "" {
		return s
	}
	if s := str(p, "integrity"); len(s) > 7 && s[:7] == "sha256-" {
		if b, err := base64.StdEncoding.DecodeString(s[7:]); err == nil {
			return hex.EncodeToString(b)
		}
	}
	return ""
}
