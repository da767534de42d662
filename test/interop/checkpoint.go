package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type checkpoint struct {
	tree tlog.Tree
	// When the log cosigned it under its own key, in POSIX seconds; 0 when it did not.
	time uint64
}

// openCheckpoint verifies a signed checkpoint of the log: a note by its key, whose origin is the key's name. Lines
// of keys it was not given, those of witnesses, are left alone, as note.Open does.
func openCheckpoint(data []byte, log note.Verifier, timed *cosigner) (checkpoint, error) {
	timed.time = 0
	opened, err := note.Open(data, note.VerifierList(log, timed))
	if err != nil {
		return checkpoint{}, err
	}
	signed := false
	for _, sig := range opened.Sigs {
		signed = signed || sig.Hash == log.KeyHash()
	}
	if !signed {
		return checkpoint{}, fmt.Errorf("the note is cosigned, but not signed by the log")
	}
	lines := strings.SplitN(opened.Text, "\n", 4)
	if len(lines) != 4 || lines[0] != log.Name() {
		return checkpoint{}, fmt.Errorf("no checkpoint of %s: %q", log.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || err2 != nil || size < 0 || len(root) != tlog.HashSize {
		return checkpoint{}, fmt.Errorf("malformed checkpoint: %q", opened.Text)
	}
	result := checkpoint{tree: tlog.Tree{N: size, Hash: tlog.Hash(*(*[32]byte)(root))}, time: timed.time}
	if size == 0 && result.tree.Hash != sha256.Sum256(nil) {
		return checkpoint{}, fmt.Errorf("the root of an empty tree is not SHA-256 of nothing")
	}
	return result, nil
}

// cosigner is a note.Verifier for cosignature/v1 (c2sp.org/tlog-cosignature, key type 0x04).
type cosigner struct {
	name string
	key  ed25519.PublicKey
	time uint64
}

func cosignerOf(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if len(parts) != 3 || err != nil || len(key) != 33 {
		return nil, fmt.Errorf("malformed vkey")
	}
	return &cosigner{name: parts[0], key: key[1:]}, nil
}

func (c *cosigner) Name() string { return c.name }

func (c *cosigner) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(c.name+"\n\x04"), c.key...))
	return binary.BigEndian.Uint32(sum[:4])
}

func (c *cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	c.time = binary.BigEndian.Uint64(sig)
	message := bytes.NewBufferString(fmt.Sprintf("cosignature/v1\ntime %d\n", c.time))
	message.Write(text)
	return ed25519.Verify(c.key, message.Bytes(), sig[8:])
}
