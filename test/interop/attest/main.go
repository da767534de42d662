// attestcheck checks Mayfly's attestations. It was written from docs/attestations.md and docs/audit-format.md alone and shares no code
// with Mayfly: where the two disagree about a vector, the page is not clear or one of them is wrong.
//
//	attestcheck receipt|provenance|bundle FILE --root PEM --trust FILE ... [--log-key VKEY] [--file FILE]
//	attestcheck statement FILE [--log-key VKEY]      a receipt or provenance whose signature is not looked at
//	attestcheck trust FILE --root PEM                a trust document; with --trust FILE, one that comes after it
//	attestcheck many                                 lists of such arguments (JSON from standard input)
//
// It prints {"ok","reason","detail"} and exits with 0 (right), 1 (wrong) or 2 (it could not be checked).
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

type options struct {
	trust                            []string
	root, logKey, file, now, by, url string
}

type answer struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "many" {
		if err := many(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		return
	}
	said, code := answerTo(os.Args[1:])
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	_ = out.Encode(said)
	os.Exit(code)
}

func answerTo(args []string) (answer, int) {
	detail, err := run(args)
	var f *failure
	if errors.As(err, &f) {
		return answer{false, f.reason, f.detail}, 1
	}
	if err != nil {
		return answer{false, "usage", err.Error()}, 2
	}
	return answer{true, "", detail}, 0
}

func run(args []string) (string, error) {
	if len(args) < 2 {
		return "", errors.New("attestcheck receipt|provenance|bundle|statement|trust FILE --root PEM --trust FILE ...")
	}
	var o options
	flags := flag.NewFlagSet("attestcheck", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("trust", "trust document, the oldest first", func(s string) error { o.trust = append(o.trust, s); return nil })
	flags.StringVar(&o.root, "root", "", "root keys to pin, PEM")
	flags.StringVar(&o.logKey, "log-key", "", "file with the audit log's vkey")
	flags.StringVar(&o.file, "file", "", "what a messageSignature is about")
	flags.StringVar(&o.now, "now", "", "the time, instead of the clock's")
	flags.StringVar(&o.by, "identity", "", "the URI that the signer's certificate has to have")
	flags.StringVar(&o.url, "issuer", "", "the issuer that the signer's certificate has to have")
	if err := flags.Parse(args[2:]); err != nil || flags.NArg() > 0 {
		return "", fmt.Errorf("%v %v", err, flags.Args())
	}
	raw, err := os.ReadFile(args[1])
	if err != nil {
		return "", err
	}
	switch args[0] {
	case "statement":
		return o.statement("", raw)
	case "trust":
		o.trust = append(o.trust, args[1])
		t, err := o.trusted()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("version %d, %d root keys, %d revoked", t.version, len(t.root), len(t.revoked)), nil
	case "bundle", "receipt", "provenance":
		return o.bundle(args[0], raw)
	}
	return "", fmt.Errorf("what is %q?", args[0])
}

// trusted takes the trust documents one after the other.
func (o *options) trusted() (t *trust, err error) {
	now := time.Now()
	if o.now != "" {
		if now, err = time.Parse(time.RFC3339, o.now); err != nil {
			return nil, err
		}
	}
	if o.root == "" || len(o.trust) == 0 {
		return nil, errors.New("--root and --trust are needed")
	}
	data, err := os.ReadFile(o.root)
	if err != nil {
		return nil, err
	}
	pinned, err := readPEM(data)
	if err != nil {
		return nil, err
	}
	before := int64(0)
	for i, name := range o.trust {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		at := now
		if i < len(o.trust)-1 {
			at = time.Time{} // it was taken earlier, and only hands on its keys
		}
		if t, err = readTrust(raw, pinned, before, at); err != nil {
			return nil, err
		}
		pinned, before = t.root, t.version
	}
	return t, nil
}

func (o *options) bundle(what string, raw []byte) (string, error) {
	t, err := o.trusted()
	if err != nil {
		return "", err
	}
	var file []byte
	if o.file != "" {
		if file, err = os.ReadFile(o.file); err != nil {
			return "", err
		}
	}
	v, err := t.verifyBundle(raw, file)
	if err != nil {
		return "", err
	}
	if o.by != "" && o.by != v.uri || o.url != "" && o.url != v.issue {
		return "", fail("other_signer", "it is by %q, says %q", v.uri, v.issue)
	}
	by := v.uri
	if by == "" {
		by = "the key " + v.key
	}
	signed := fmt.Sprintf("signed at %s by %s, entry %d", v.at.UTC().Format(time.RFC3339), by, v.index)
	if v.statement == nil {
		if what != "bundle" {
			return "", fail("malformed", "the bundle has no statement")
		}
		return signed, nil
	}
	if what == "bundle" {
		_, err := readStatement(v.statement)
		return signed, err
	}
	if err := v.maySign(v.statement); err != nil {
		return "", err
	}
	detail, err := o.statement(what, v.statement)
	return signed + "; " + detail, err
}

// statement checks a statement by what it is; what, if not empty, is what it has to be.
func (o *options) statement(what string, raw []byte) (string, error) {
	statement, err := readStatement(raw)
	if err != nil {
		return "", err
	}
	if what == "provenance" || what == "" && statement["predicateType"] != receiptType {
		return readProvenance(statement)
	}
	var known *logKey
	if o.logKey != "" {
		data, err := os.ReadFile(o.logKey)
		if err != nil {
			return "", err
		}
		k, err := parseVkey(strings.TrimSuffix(string(data), "\n"))
		if err != nil {
			return "", err
		}
		known = &k
	}
	word, err := checkReceipt(statement, known)
	detail := "the signer's word: " + strings.Join(word, ", ")
	if known == nil {
		detail += "; and the log's key"
	}
	return detail, err
}
