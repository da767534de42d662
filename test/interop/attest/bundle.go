package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"
)

// verified is what a bundle that holds says: what was signed, when, by whom.
type verified struct {
	statement  []byte // of a dsseEnvelope
	at         time.Time
	index      int64
	key        string // SHA-256 of the signer's key, if it has no certificate
	uri, issue string // who built, and the issuer of its token
	// of the certificate, as far as it has them: the repository's id
	repository, ref, commit string
}

var zero = kind(func(v any) bool { n, ok := whole(v); return v == "0" || ok && n == 0 })

var text64 = kind(func(v any) bool { _, ok := parseDecimal(str(v)); return ok })

var bundleShape = exact{
	"mediaType": is("application/vnd.dev.sigstore.bundle.v0.3+json"),
	"verificationMaterial": exact{
		"certificate?": exact{"rawBytes": text}, "publicKey?": exact{"hint": text},
		"tlogEntries": list{exact{
			"logIndex": text64, "logId": exact{"keyId": hash}, "integratedTime?": zero, "canonicalizedBody": text,
			"kindVersion": exact{"kind": is("hashedrekord"), "version": is("0.0.2")},
			"inclusionProof": exact{"logIndex": text64, "rootHash": hash, "treeSize": text64, "hashes": proof,
				"checkpoint": exact{"envelope": text}},
		}},
		"timestampVerificationData": exact{"rfc3161Timestamps": list{exact{"signedTimestamp": text}}},
	},
	"dsseEnvelope?": exact{"payload": text, "payloadType": is(inTotoType),
		"signatures": list{exact{"sig": text, "keyid?": text}}},
	"messageSignature?": exact{"signature": text,
		"messageDigest": exact{"algorithm": is("SHA2_256"), "digest": hash}},
}

// verifyBundle: file is what a messageSignature is about, and nothing for a statement.
func (t *trust) verifyBundle(raw, file []byte) (*verified, error) {
	bundle, err := readObject(raw, true)
	if err != nil || len(raw) > 24_000_000 {
		return nil, fail("malformed", "no bundle: %v", err)
	}
	if err := bundleShape.check("bundle", bundle); err != nil {
		return nil, err
	}
	material := bundle["verificationMaterial"]
	entries, stamps := items(material, "tlogEntries"), items(material, "timestampVerificationData", "rfc3161Timestamps")
	envelope, message := bundle["dsseEnvelope"], bundle["messageSignature"]
	if len(entries) != 1 || len(stamps) != 1 || (envelope == nil) == (message == nil) ||
		(get(material, "certificate") == nil) == (get(material, "publicKey") == nil) {
		return nil, fail("malformed", "the bundle has to have one of each")
	}
	v := &verified{}
	signed, signature, err := v.whatIsSigned(envelope, message, file)
	if err != nil {
		return nil, err
	}
	stamp, err := bytesAt(stamps[0], "signedTimestamp")
	if err != nil {
		return nil, err
	}
	var stamper, issuer authority
	if v.at, stamper, err = t.stampedAt(stamp, signature); err != nil {
		return nil, err
	}
	if v.at.Sub(t.now) > 300*time.Second {
		return nil, fail("in_future", "it was signed at %s, which is yet to come", v.at)
	}
	var signer publicKey
	var verifier string
	if der := get(material, "certificate"); der != nil {
		signer, verifier, issuer, err = t.byCertificate(v, der)
	} else {
		signer, verifier, err = t.byKey(v, str(material, "publicKey", "hint"))
	}
	if err != nil {
		return nil, err
	}
	if !signer.signed(signed, signature) {
		return nil, fail("bad_signature", "the signature is not by the signer's key")
	}
	digest := sha256.Sum256(signed)
	body := fmt.Sprintf(`{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"%s"},`+
		`"signature":{"content":"%s","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256",%s}}}}}`,
		base64.StdEncoding.EncodeToString(digest[:]), base64.StdEncoding.EncodeToString(signature), verifier)
	log, err := t.logged(v, entries[0], body)
	if err != nil {
		return nil, err
	}
	parts := [][]byte{signer.spki, log.spki}
	for _, c := range append(append([]*x509.Certificate{}, issuer.chain...), stamper.chain...) {
		parts = append(parts, c.RawSubjectPublicKeyInfo)
	}
	for _, spki := range parts {
		if err := t.checkRevoked(spki, v.at, v.index, log); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// whatIsSigned is the bytes that are signed, and the signature.
func (v *verified) whatIsSigned(envelope, message any, file []byte) (signed, signature []byte, err error) {
	if envelope == nil {
		digest := sha256.Sum256(file)
		if want, _ := unbase64(str(message, "messageDigest", "digest")); file == nil || !bytes.Equal(want, digest[:]) {
			return nil, nil, fail("bad_signature", "the bundle is about another file")
		}
		signature, err = bytesAt(message, "signature")
		return file, signature, err
	}
	if len(items(envelope, "signatures")) != 1 {
		return nil, nil, fail("malformed", "the envelope has to have one signature")
	}
	if str(items(envelope, "signatures")[0], "keyid") != "" {
		return nil, nil, fail("malformed", "the signature has an id of a key")
	}
	if v.statement, err = bytesAt(envelope, "payload"); err != nil {
		return nil, nil, err
	}
	signature, err = bytesAt(items(envelope, "signatures")[0], "sig")
	return pae(inTotoType, v.statement), signature, err
}

func (t *trust) byCertificate(v *verified, material any) (signer publicKey, verifier string, issuer authority, err error) {
	der, err := bytesAt(material, "rawBytes")
	if err != nil {
		return
	}
	leaf, issuer, err := t.signerCertificate(der, v.at)
	if err != nil {
		return
	}
	v.uri, v.issue = leaf.URIs[0].String(), claim(leaf, 8)
	v.repository, v.ref, v.commit = claim(leaf, 15), claim(leaf, 14), claim(leaf, 13)
	signer = publicKey{key: leaf.PublicKey.(*ecdsa.PublicKey), spki: leaf.RawSubjectPublicKeyInfo}
	return signer, `"x509Certificate":{"rawBytes":"` + str(material, "rawBytes") + `"}`, issuer, nil
}

func (t *trust) byKey(v *verified, hint string) (publicKey, string, error) {
	for _, k := range t.keys {
		id := sha256.Sum256(k.spki)
		v.key = hex.EncodeToString(id[:])
		if (hint == v.key || hint == base64.StdEncoding.EncodeToString(id[:])) && k.valid.has(v.at) {
			return k, `"publicKey":{"rawBytes":"` + base64.StdEncoding.EncodeToString(k.spki) + `"}`, nil
		}
	}
	return publicKey{}, "", fail("untrusted", "no key %q was trusted at %s", hint, v.at.Format(time.RFC3339))
}

// logged: the entry is this one, and stands in a log that was trusted then.
func (t *trust) logged(v *verified, entry any, want string) (trustedLog, error) {
	body, err := bytesAt(entry, "canonicalizedBody")
	if err != nil || string(body) != want {
		return trustedLog{}, fail("bad_entry", "the log's entry is of another signature")
	}
	p, id := get(entry, "inclusionProof"), str(entry, "logId", "keyId")
	for _, log := range t.logs {
		if own := log.id(1); base64.StdEncoding.EncodeToString(own[:]) != id || !log.valid.has(v.at) {
			continue
		}
		c, err := openCheckpoint(str(p, "checkpoint", "envelope"), log.logKey)
		if err != nil {
			return log, fail("bad_checkpoint", "%v", err)
		}
		if str(p, "treeSize") != fmt.Sprint(c.size) || str(p, "rootHash") != base64.StdEncoding.EncodeToString(c.root[:]) {
			return log, fail("bad_checkpoint", "size and root are not the checkpoint's")
		}
		v.index, _ = parseDecimal(str(entry, "logIndex"))
		if str(p, "logIndex") != str(entry, "logIndex") || !included(leafHash(body), v.index, items(p, "hashes"), c) {
			return log, fail("not_in_log", "the proof does not lead to the checkpoint")
		}
		return log, nil
	}
	return trustedLog{}, fail("untrusted", "its log was not trusted at %s", v.at.Format(time.RFC3339))
}
