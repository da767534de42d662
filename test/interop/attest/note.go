package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A logKey is what signs a log's checkpoints: Ed25519, under a name.
type logKey struct {
	name string
	key  ed25519.PublicKey
}

// id is the SHA-256 of name, type and key: a vkey and a note have four bytes of it, a bundle all.
func (k logKey) id(keyType byte) [32]byte {
	return sha256.Sum256(append([]byte(k.name+"\n"+string(rune(keyType))), k.key...))
}

func validKeyName(s string) bool {
	bad := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '+' }
	return s != "" && utf8.RuneCountInString(s) <= 253 && !strings.ContainsFunc(s, bad)
}

func parseVkey(s string) (logKey, error) {
	parts := strings.SplitN(s, "+", 3)
	if len(s) > 512 || len(parts) != 3 || !validKeyName(parts[0]) {
		return logKey{}, errors.New("no vkey")
	}
	data, err := unbase64(parts[2])
	if err != nil || len(data) != 33 || data[0] != 1 {
		return logKey{}, errors.New("a vkey of another type")
	}
	k := logKey{parts[0], data[1:]}
	if id := k.id(1); hex.EncodeToString(id[:4]) != parts[1] {
		return logKey{}, errors.New("the hash of the vkey is not that of its key")
	}
	return k, nil
}

// openNote is the note's text, if the key signed it and none of its signatures is false.
func openNote(note string, k logKey) (string, error) {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' }
	if len(note) > 65_536 || !utf8.ValidString(note) || strings.ContainsFunc(note, control) {
		return "", errors.New("no note")
	}
	end := strings.LastIndex(note, "\n\n")
	if end < 0 || !strings.HasSuffix(note, "\n") {
		return "", errors.New("a note without signatures")
	}
	text, rest := note[:end+1], note[end+2:]
	lines := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	if len(lines) > 100 {
		return "", errors.New("too many signatures")
	}
	signed := false
	plain, cosigner := k.id(1), k.id(4)
	for _, line := range lines {
		name, encoded, ok := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		sig, err := unbase64(encoded)
		if !strings.HasPrefix(line, "— ") || !ok || !validKeyName(name) || err != nil || len(sig) < 5 {
			return "", errors.New("a line that is no signature")
		}
		if name != k.name {
			continue
		}
		switch {
		case bytes.Equal(sig[:4], plain[:4]):
			if !ed25519.Verify(k.key, []byte(text), sig[4:]) {
				return "", errors.New("a false signature by the log's key")
			}
			signed = true
		case bytes.Equal(sig[:4], cosigner[:4]):
			if len(sig) != 76 {
				return "", errors.New("a false cosignature by the log's key")
			}
			at := binary.BigEndian.Uint64(sig[4:12])
			message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, text)
			if at == 0 || at > 1<<53-1 || !ed25519.Verify(k.key, []byte(message), sig[12:]) {
				return "", errors.New("a false cosignature by the log's key")
			}
		}
	}
	if !signed {
		return "", errors.New("the log's key did not sign it")
	}
	return text, nil
}

type checkpoint struct {
	size int64
	root [32]byte
}

func openCheckpoint(note string, k logKey) (c checkpoint, err error) {
	text, err := openNote(note, k)
	if err != nil {
		return c, err
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 {
		return c, errors.New("no checkpoint")
	}
	size, ok := parseDecimal(lines[1])
	root, err := unbase64(lines[2])
	if !ok || err != nil || len(root) != 32 {
		return c, errors.New("no checkpoint")
	}
	if lines[0] != k.name {
		return c, fmt.Errorf("a checkpoint of %q", lines[0])
	}
	return checkpoint{size, [32]byte(root)}, nil
}

func leafHash(entry []byte) [32]byte { return sha256.Sum256(append([]byte{0}, entry...)) }

func nodeHash(left, right [32]byte) [32]byte {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// included: RFC 9162, section 2.1.3.2.
func included(leaf [32]byte, index int64, path []any, c checkpoint) bool {
	if index < 0 || index >= c.size {
		return false
	}
	fn, sn, r := index, c.size-1, leaf
	for _, step := range path {
		b, err := unbase64(str(step))
		if err != nil || len(b) != 32 || sn == 0 {
			return false
		}
		p := [32]byte(b)
		if fn&1 == 1 || fn == sn {
			r = nodeHash(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = nodeHash(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && r == c.root
}
