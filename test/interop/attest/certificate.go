package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// extension counts the extensions of that id, and says whether all are critical.
func extension(c *x509.Certificate, id asn1.ObjectIdentifier) (n int, critical bool) {
	critical = true
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			n, critical = n+1, critical && e.Critical
		}
	}
	return n, critical
}

// checkChain: the leaf leads over the chain to its last certificate, all valid at that time, all of P-256.
func checkChain(leaf *x509.Certificate, chain []*x509.Certificate, at time.Time, usage x509.ExtKeyUsage) error {
	below := leaf
	for _, c := range chain {
		_, critical := extension(c, oidConstraints)
		uses, _ := extension(c, oidUsages)
		switch {
		case !bytes.Equal(c.RawSubject, below.RawIssuer) || below.CheckSignatureFrom(c) != nil:
			return errors.New("a certificate is not issued by the one above it")
		case !critical || !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0:
			return errors.New("a certificate above it is no authority")
		case uses > 0 && !slices.Contains(c.ExtKeyUsage, usage):
			return errors.New("a certificate above it is for other uses")
		}
		below = c
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for i, c := range append([]*x509.Certificate{leaf}, chain...) {
		key, ok := c.PublicKey.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() || c.SignatureAlgorithm != x509.ECDSAWithSHA256 {
			return errors.New("a certificate is not of P-256 with SHA-256")
		}
		switch i {
		case 0:
		case len(chain):
			roots.AddCert(c)
		default:
			between.AddCert(c)
		}
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return err
}

// signerCertificate is the leaf, its URI and its authority, if it was good at that time.
func (t *trust) signerCertificate(der []byte, at time.Time) (*x509.Certificate, authority, error) {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, authority{}, fail("bad_certificate", "%v", err)
	}
	names, critical := extension(leaf, oidNames)
	switch {
	case string(leaf.RawSubject) != "\x30\x00":
		return nil, authority{}, fail("bad_certificate", "its subject is not empty")
	case leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature || !isDigitalSignature(leaf):
		return nil, authority{}, fail("bad_certificate", "its key usage is not digitalSignature")
	case len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageCodeSigning || len(leaf.UnknownExtKeyUsage) > 0:
		return nil, authority{}, fail("bad_certificate", "its extended usage is not codeSigning")
	case names != 1 || !critical || !hasOneURI(leaf):
		return nil, authority{}, fail("bad_certificate", "it has not one critical name that is a URI")
	}
	if err := claimsOf(leaf); err != nil {
		return nil, authority{}, fail("bad_certificate", "%v", err)
	}
	if t.certificateLogs {
		return nil, authority{}, fail("untrusted", "a log of certificates has to have promised it, which is not looked at here")
	}
	var last error = errors.New("no certificate authority is trusted")
	for _, a := range t.issuers {
		if !a.valid.has(at) {
			continue
		}
		if last = checkChain(leaf, a.chain, at, x509.ExtKeyUsageCodeSigning); last == nil {
			return leaf, a, nil
		}
	}
	return nil, authority{}, fail("bad_certificate", "%v", last)
}

// hasOneURI: one name and no other, of so many characters.
func hasOneURI(leaf *x509.Certificate) bool {
	for _, e := range leaf.Extensions {
		var all []asn1.RawValue
		if e.Id.Equal(oidNames) {
			return unmarshal(e.Value, &all) == nil && len(all) == 1 && all[0].FullBytes[0] == 0x86 && len(leaf.URIs) == 1 &&
				uriForm.Match(all[0].Bytes) && len(all[0].Bytes) <= 2048
		}
	}
	return false
}

var uriForm = regexp.MustCompile(`^[!-~]+$`)

// isDigitalSignature: the one bit, without zeros behind it, as DER has it.
func isDigitalSignature(leaf *x509.Certificate) bool {
	for _, e := range leaf.Extensions {
		if e.Id.Equal(oidKeyUsage) {
			return string(e.Value) == "\x03\x02\x07\x80"
		}
	}
	return false
}

var fulcio = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1}

// claimsOf: one issuer, and each claim of it a UTF8String.
func claimsOf(leaf *x509.Certificate) error {
	issuer, old := claim(leaf, 8), ""
	for _, e := range leaf.Extensions {
		if len(e.Id) != 9 || !e.Id[:8].Equal(fulcio) {
			continue
		}
		var raw asn1.RawValue
		if e.Id[8] == 1 {
			old = string(e.Value)
			if !utf8.Valid(e.Value) {
				return errors.New("its issuer is not UTF-8")
			}
		} else if e.Id[8] >= 8 && (unmarshal(e.Value, &raw) != nil || raw.Tag != asn1.TagUTF8String) {
			return errors.New("a claim is no UTF8String")
		}
	}
	if issuer == "" && old == "" || issuer != "" && old != "" && issuer != old {
		return errors.New("it names no issuer, or two")
	}
	return nil
}

// claim is a claim of the CI's token, by Fulcio's number.
func claim(leaf *x509.Certificate, n int) string {
	for _, e := range leaf.Extensions {
		var s string
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, n}) && unmarshal(e.Value, &s) == nil {
			return s
		}
	}
	return ""
}
