package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	trustType  = "application/vnd.mayfly.trust+json"
	inTotoType = "application/vnd.in-toto+json"
)

type period struct{ start, end time.Time }

func (p period) has(t time.Time) bool {
	return !t.Before(p.start) && (p.end.IsZero() || !t.After(p.end))
}

// A publicKey is P-256, with its SubjectPublicKeyInfo.
type publicKey struct {
	key   *ecdsa.PublicKey
	spki  []byte
	valid period
}

func (k publicKey) signed(message, sig []byte) bool {
	digest := sha256.Sum256(message)
	return ecdsa.VerifyASN1(k.key, digest[:], sig)
}

type trustedLog struct {
	logKey
	spki  []byte
	valid period
}

type authority struct {
	chain []*x509.Certificate
	valid period
}

type revocation struct {
	key      string
	from     time.Time
	treeSize int64
	log      []byte // id of the log that had this size; nil if nobody says which
}

// trust is a trust document that was taken.
type trust struct {
	certificateLogs bool // whether a certificate needs the promise of one
	now             time.Time
	version         int64
	root            []publicKey
	logs            []trustedLog
	issuers         []authority // of certificates: the issuer first
	stamps          []authority // of timestamps: the leaf first
	keys            []publicKey
	revoked         []revocation
}

var validFor = exact{"start": instant, "end?": instant}

var authorityShape = record{
	"certChain": record{"certificates": list{record{"rawBytes": text}}}, "validFor": validFor,
}

var trustShape = exact{
	"version": count, "issued": instant, "expires?": instant, "root": list{text},
	"keys?":    list{exact{"publicKey": text, "validFor": validFor}},
	"revoked?": list{exact{"key": sha256Text, "from": instant, "treeSize": count, "log?": hash, "reason": text}},
	"trustedRoot": record{
		"mediaType": is("application/vnd.dev.sigstore.trustedroot+json;version=0.1"),
		"tlogs": list{record{
			"baseUrl": text, "logId": record{"keyId": hash},
			"publicKey": record{"rawBytes": text, "keyDetails": text, "validFor": validFor},
		}},
		"certificateAuthorities?": list{authorityShape}, "timestampAuthorities": list{authorityShape},
	},
}

var sha256Text = kind(func(v any) bool { return digestForms["sha256"].MatchString(str(v)) })

// pae is what an envelope's signature is over.
func pae(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// readTrust takes the document if one of the pinned keys and one of its own signed it. The pinned keys are those of a file,
// or `root` of the document before, whose version it has to reach.
func readTrust(raw []byte, pinned []publicKey, before int64, now time.Time) (*trust, error) {
	envelope, err := readObject(raw, true)
	if err != nil || len(raw) > 24_000_000 || str(envelope, "payloadType") != trustType {
		return nil, fail("bad_trust", "no envelope of a trust document")
	}
	payload, err := bytesAt(envelope, "payload")
	if err != nil || len(payload) > 2_097_152 {
		return nil, fail("bad_trust", "the payload is no base64, or too long")
	}
	document, err := readObject(payload, true)
	if err == nil {
		err = trustShape.check("trust", document)
	}
	if err != nil {
		return nil, fail("bad_trust", "%v", err)
	}
	t := &trust{now: now}
	t.version, _ = whole(document["version"])
	if issued, _ := parseTime(document["issued"]); !now.IsZero() && issued.Sub(now) > 300*time.Second {
		return nil, fail("in_future", "the trust document was issued at %s, which is yet to come", issued)
	}
	if err := t.fill(document); err != nil {
		return nil, fail("bad_trust", "%v", err)
	}
	message := pae(trustType, payload)
	for _, who := range []struct {
		name string
		keys []publicKey
	}{{"pinned key", pinned}, {"key of its own root", t.root}} {
		if !anySigned(who.keys, message, items(envelope, "signatures")) {
			return nil, fail("untrusted", "no %s signed the trust document", who.name)
		}
	}
	if t.version < before {
		return nil, fail("rolled_back", "version %d after %d", t.version, before)
	}
	if end, ok := parseTime(document["expires"]); ok && now.After(end) {
		return nil, fail("expired", "the trust document expired at %s", str(document, "expires"))
	}
	return t, nil
}

func anySigned(keys []publicKey, message []byte, signatures []any) bool {
	for _, s := range signatures {
		sig, err := unbase64(str(s, "sig"))
		for _, k := range keys {
			if err == nil && k.signed(message, sig) {
				return true
			}
		}
	}
	return false
}

func (t *trust) fill(document object) (err error) {
	for _, p := range items(document, "root") {
		keys, err := readPEM([]byte(str(p)))
		if err != nil || len(keys) != 1 {
			return fmt.Errorf("root: no public key of P-256")
		}
		t.root = append(t.root, keys[0])
	}
	if len(t.root) < 1 || len(t.root) > 16 || len(items(document, "revoked")) > 10_000 {
		return fmt.Errorf("%d root keys, %d revoked", len(t.root), len(items(document, "revoked")))
	}
	for _, k := range items(document, "keys") {
		keys, err := readPEM([]byte(str(k, "publicKey")))
		if err != nil || len(keys) != 1 {
			return fmt.Errorf("keys: no public key of P-256")
		}
		keys[0].valid = readPeriod(get(k, "validFor"))
		t.keys = append(t.keys, keys[0])
	}
	for _, r := range items(document, "revoked") {
		from, _ := parseTime(get(r, "from"))
		size, _ := whole(get(r, "treeSize"))
		log, _ := unbase64(str(r, "log"))
		t.revoked = append(t.revoked, revocation{str(r, "key"), from, size, log})
	}
	t.certificateLogs = len(items(document, "trustedRoot", "ctlogs")) > 0
	for _, l := range items(document, "trustedRoot", "tlogs") {
		if str(l, "publicKey", "keyDetails") != "PKIX_ED25519" {
			continue
		}
		at, err := url.Parse(str(l, "baseUrl"))
		spki, err2 := unbase64(str(l, "publicKey", "rawBytes"))
		key, err3 := x509.ParsePKIXPublicKey(spki)
		ed, ok := key.(ed25519.PublicKey)
		if err != nil || err2 != nil || err3 != nil || !ok {
			return fmt.Errorf("tlogs: %q has no Ed25519 key", str(l, "baseUrl"))
		}
		log := trustedLog{logKey{strings.ToLower(at.Hostname()), ed}, spki, readPeriod(get(l, "publicKey", "validFor"))}
		id := log.id(1)
		if want, _ := unbase64(str(l, "logId", "keyId")); !bytes.Equal(id[:], want) {
			return fmt.Errorf("tlogs: %q has the id of another key", at.Hostname())
		}
		t.logs = append(t.logs, log)
	}
	for _, r := range t.revoked {
		if len(r.log) > 0 && t.logById(r.log) == nil {
			return fmt.Errorf("revoked: the key %s by a log that is not in tlogs", r.key)
		}
	}
	if t.issuers, err = readAuthorities(items(document, "trustedRoot", "certificateAuthorities")); err == nil {
		t.stamps, err = readAuthorities(items(document, "trustedRoot", "timestampAuthorities"))
	}
	return err
}

func readPeriod(v any) period {
	start, _ := parseTime(get(v, "start"))
	end, _ := parseTime(get(v, "end"))
	return period{start, end}
}

func readAuthorities(l []any) (all []authority, err error) {
	for _, a := range l {
		one := authority{valid: readPeriod(get(a, "validFor"))}
		for _, c := range items(a, "certChain", "certificates") {
			der, err := unbase64(str(c, "rawBytes"))
			if err != nil {
				return nil, err
			}
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, err
			}
			one.chain = append(one.chain, certificate)
		}
		if len(one.chain) == 0 {
			return nil, fmt.Errorf("an authority without certificates")
		}
		all = append(all, one)
	}
	return all, nil
}

// readPEM is the public keys of a PEM file, all of P-256.
func readPEM(data []byte) (keys []publicKey, err error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		ec, ok := key.(*ecdsa.PublicKey)
		if err != nil || !ok || ec.Curve != elliptic.P256() || block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("no public key of P-256")
		}
		keys = append(keys, publicKey{key: ec, spki: block.Bytes})
	}
	return keys, nil
}

func (t *trust) logById(id []byte) *trustedLog {
	for i := range t.logs {
		if own := t.logs[i].id(1); bytes.Equal(own[:], id) {
			return &t.logs[i]
		}
	}
	return nil
}

// checkRevoked refuses what a revoked key had a part in, from its time or from its index of that log on.
func (t *trust) checkRevoked(spki []byte, at time.Time, index int64, in trustedLog) error {
	digest := sha256.Sum256(spki)
	for _, r := range t.revoked {
		if r.key == hex.EncodeToString(digest[:]) && (!at.Before(r.from) || r.counts(index, in, t.logById(r.log))) {
			return fail("revoked", "the key %s is revoked", r.key)
		}
	}
	return nil
}

// counts tells whether an entry stands where the revocation counts, whatever its time; named is the log that the size is of.
func (r revocation) counts(index int64, in trustedLog, named *trustedLog) bool {
	if named == nil {
		return index >= r.treeSize || !in.valid.start.Before(r.from)
	}
	if in.id(1) == named.id(1) {
		return index >= r.treeSize
	}
	return in.valid.end.IsZero() || !in.valid.start.Before(named.valid.start)
}
