package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"time"
)

var (
	oidSignedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidSHA256      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSA256    = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidUsages      = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidKeyUsage    = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidNames       = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
)

var stampTime = regexp.MustCompile(`^\d{14}(\.\d\d[1-9])?Z$`)

type timeStampResp struct {
	Status asn1.RawValue
	Token  struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	} `asn1:"optional"`
}

type signedData struct {
	Version          int
	DigestAlgorithms asn1.RawValue
	Content          struct {
		Type  asn1.ObjectIdentifier
		Bytes []byte `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type signerInfo struct {
	Version int
	Signer  struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	DigestAlgorithm pkix.AlgorithmIdentifier
	Attributes      asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm       pkix.AlgorithmIdentifier
	Signature       []byte
	Unsigned        asn1.RawValue `asn1:"optional,tag:1"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

// What may follow, readOptional reads: encoding/asn1 passes over what it does not know at the end of a sequence.
type tstInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Serial *big.Int
	Time   asn1.RawValue
}

type signingCertificate struct {
	Certificates []struct {
		Algorithm pkix.AlgorithmIdentifier `asn1:"optional"`
		Hash      []byte
		Issuer    asn1.RawValue `asn1:"optional"`
	}
	Policies asn1.RawValue `asn1:"optional"`
}

func unmarshal(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes behind the end")
	}
	return err
}

// stampedAt is when one of the authorities saw the signature, and by which.
func (t *trust) stampedAt(response, signature []byte) (time.Time, authority, error) {
	var r timeStampResp
	var status int
	if err := unmarshal(response, &r); err != nil {
		return time.Time{}, authority{}, fail("bad_timestamp", "%v", err)
	}
	if _, err := asn1.Unmarshal(r.Status.Bytes, &status); err != nil || status != 0 {
		return time.Time{}, authority{}, fail("bad_timestamp", "it was not granted")
	}
	data := r.Token.Content
	var info tstInfo
	if !r.Token.Type.Equal(oidSignedData) || !data.Content.Type.Equal(oidTSTInfo) || len(data.Signers) != 1 {
		return time.Time{}, authority{}, fail("bad_timestamp", "no SignedData over a TSTInfo")
	}
	err := unmarshal(data.Content.Bytes, &info)
	var name []byte
	if err == nil {
		name, err = readOptional(data.Content.Bytes)
	}
	if err != nil {
		return time.Time{}, authority{}, fail("bad_timestamp", "%v", err)
	}
	imprint := sha256.Sum256(signature)
	if info.Version != 1 || !info.Imprint.Algorithm.Algorithm.Equal(oidSHA256) ||
		!bytes.Equal(info.Imprint.Digest, imprint[:]) {
		return time.Time{}, authority{}, fail("bad_timestamp", "it is not over this signature, or of another version")
	}
	at, err := time.Parse("20060102150405.999Z", string(info.Time.Bytes))
	if err != nil || info.Time.Tag != asn1.TagGeneralizedTime || !stampTime.Match(info.Time.Bytes) {
		return time.Time{}, authority{}, fail("bad_timestamp", "its time is neither of whole seconds nor of three digits more")
	}
	var last error = errors.New("no authority is trusted")
	for _, a := range t.stamps {
		if name != nil && !bytes.Equal(name, a.chain[0].RawSubject) {
			last = errors.New("it has the name of another authority")
			continue
		}
		if err := a.stamped(data.Signers[0], data.Content.Bytes, at); err != nil {
			last = err
			continue
		}
		return at, a, nil
	}
	return time.Time{}, authority{}, fail("bad_timestamp", "%v", last)
}

// stamped: the authority's leaf signed the content, and was valid at that time.
func (a authority) stamped(s signerInfo, content []byte, at time.Time) error {
	leaf := a.chain[0]
	if !bytes.Equal(s.Signer.Issuer.FullBytes, leaf.RawIssuer) || s.Signer.Serial.Cmp(leaf.SerialNumber) != 0 {
		return errors.New("it is by no trusted authority")
	}
	if !s.DigestAlgorithm.Algorithm.Equal(oidSHA256) || !s.Algorithm.Algorithm.Equal(oidECDSA256) || len(s.Attributes.FullBytes) == 0 {
		return errors.New("it is signed by another algorithm, or without attributes")
	}
	// what is signed is the attributes as a SET, not as the [0] that they stand under
	set := append([]byte{0x31}, s.Attributes.FullBytes[1:]...)
	if !isSorted(set) {
		return errors.New("the signed attributes are not in order")
	}
	var attributes []attribute
	if err := unmarshalSet(set, &attributes); err != nil {
		return err
	}
	digest, certificate := sha256.Sum256(content), sha256.Sum256(leaf.Raw)
	want := map[string]func([]byte) bool{
		oidContentType.String(): func(der []byte) bool {
			var o asn1.ObjectIdentifier
			return unmarshal(der, &o) == nil && o.Equal(oidTSTInfo)
		},
		oidDigest.String(): func(der []byte) bool {
			var d []byte
			return unmarshal(der, &d) == nil && bytes.Equal(d, digest[:])
		},
		oidSigningCert.String(): func(der []byte) bool {
			var c signingCertificate
			return unmarshal(der, &c) == nil && len(c.Certificates) > 0 && bytes.Equal(c.Certificates[0].Hash, certificate[:]) &&
				isNamed(c.Certificates[0].Issuer.FullBytes, leaf)
		},
	}
	for _, attr := range attributes {
		right, known := want[attr.Type.String()]
		if known && (len(attr.Values) != 1 || !right(attr.Values[0].FullBytes)) {
			return errors.New("a signed attribute is wrong: " + attr.Type.String())
		}
		delete(want, attr.Type.String())
	}
	if len(want) > 0 {
		return errors.New("a signed attribute is missing")
	}
	if err := leaf.CheckSignature(x509.ECDSAWithSHA256, set, s.Signature); err != nil {
		return err
	}
	if !a.valid.has(at) {
		return errors.New("the authority was not trusted then")
	}
	usages, critical := extension(leaf, oidUsages)
	if usages != 1 || !critical || len(leaf.ExtKeyUsage) != 1 || len(leaf.UnknownExtKeyUsage) > 0 || len(a.chain) < 2 {
		return errors.New("the authority's certificate is not for timestamps alone")
	}
	if leaf.IsCA || leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return errors.New("the authority's certificate is not for signatures")
	}
	return checkChain(leaf, a.chain[1:], at, x509.ExtKeyUsageTimeStamping)
}

// isNamed: an IssuerSerial, if there is one, is the certificate's.
func isNamed(der []byte, leaf *x509.Certificate) bool {
	var named struct {
		Names  []asn1.RawValue
		Serial *big.Int
	}
	if len(der) == 0 {
		return true
	}
	return unmarshal(der, &named) == nil && len(named.Names) == 1 && named.Names[0].Class == asn1.ClassContextSpecific &&
		named.Names[0].Tag == 4 && bytes.Equal(named.Names[0].Bytes, leaf.RawIssuer) && named.Serial.Cmp(leaf.SerialNumber) == 0
}

// readOptional reads what may stand behind the time (RFC 3161, section 2.4.2), each at most once and in this order, and gives the
// authority's name if it is there.
func readOptional(der []byte) (name []byte, err error) {
	var all []asn1.RawValue
	if err := unmarshal(der, &all); err != nil || len(all) < 5 {
		return nil, errors.New("a part of it is missing")
	}
	last := -1
	for _, one := range all[5:] {
		place := slices.Index([]byte{0x30, 0x01, 0x02, 0xa0}, one.FullBytes[0])
		if place <= last {
			return nil, errors.New("it has more than it may have")
		}
		last = place
		var right bool
		switch place {
		case 0:
			right = isAccuracy(one.FullBytes)
		case 1:
			right = string(one.Bytes) == "\xff"
		case 2:
			var nonce *big.Int
			right = unmarshal(one.FullBytes, &nonce) == nil
		case 3:
			var of asn1.RawValue
			right = unmarshal(one.Bytes, &of) == nil && of.FullBytes[0] == 0xa4
			name = of.Bytes
		}
		if !right {
			return nil, errors.New("a part behind its time is wrong")
		}
	}
	return name, nil
}

// isAccuracy: seconds, and from 1 to 999 of milliseconds and of microseconds, of which any may be missing.
func isAccuracy(der []byte) bool {
	var parts []asn1.RawValue
	if unmarshal(der, &parts) != nil {
		return false
	}
	last := -1
	for _, one := range parts {
		place := slices.Index([]byte{0x02, 0x80, 0x81}, one.FullBytes[0])
		var value *big.Int
		whole := append([]byte{0x02}, one.FullBytes[1:]...)
		if place <= last || unmarshal(whole, &value) != nil || value.Sign() < 0 || place > 0 && (value.Sign() == 0 || value.Cmp(big.NewInt(999)) > 0) {
			return false
		}
		last = place
	}
	return true
}

// isSorted: as DER has the members of a SET, by their bytes.
func isSorted(set []byte) bool {
	var all []asn1.RawValue
	if unmarshalSet(set, &all) != nil {
		return false
	}
	return slices.IsSortedFunc(all, func(x, y asn1.RawValue) int { return bytes.Compare(x.FullBytes, y.FullBytes) })
}

func unmarshalSet(der []byte, into any) error {
	rest, err := asn1.UnmarshalWithParams(der, into, "set")
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes behind the end")
	}
	return err
}
