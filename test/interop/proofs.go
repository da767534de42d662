package main

import (
	"crypto/rand"
	"fmt"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proveRequest struct {
	// The tree's entries are "entry 0", "entry 1" and so on.
	Count int64 `json:"count"`
	// Pairs of index and size, and of old and new size.
	Inclusion   [][2]int64 `json:"inclusion"`
	Consistency [][2]int64 `json:"consistency"`
	Name        string     `json:"name"`
	Text        string     `json:"text"`
}

type proveAnswer struct {
	Inclusion   []inclusionProof   `json:"inclusion"`
	Consistency []consistencyProof `json:"consistency"`
	SignerKey   string             `json:"signerKey"`
	VerifierKey string             `json:"verifierKey"`
	Note        string             `json:"note"`
}

type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

// prove makes what the other side has to accept: proofs of a tree, and a note signed with a new key.
func prove(request proveRequest) (*proveAnswer, error) {
	var stored storedHashes
	var leaves []tlog.Hash
	for i := int64(0); i < request.Count; i++ {
		entry := []byte(fmt.Sprintf("entry %d", i))
		more, err := tlog.StoredHashes(i, entry, stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
		leaves = append(leaves, tlog.RecordHash(entry))
	}
	answer := &proveAnswer{}
	for _, pair := range request.Inclusion {
		root, err := tlog.TreeHash(pair[1], stored)
		if err != nil {
			return nil, err
		}
		made, err := tlog.ProveRecord(pair[1], pair[0], stored)
		if err != nil {
			return nil, err
		}
		answer.Inclusion = append(answer.Inclusion, inclusionProof{pair[0], pair[1], root, leaves[pair[0]], made})
	}
	for _, pair := range request.Consistency {
		older, err := tlog.TreeHash(pair[0], stored)
		if err != nil {
			return nil, err
		}
		newer, err := tlog.TreeHash(pair[1], stored)
		if err != nil {
			return nil, err
		}
		made, err := tlog.ProveTree(pair[1], pair[0], stored)
		if err != nil {
			return nil, err
		}
		answer.Consistency = append(answer.Consistency, consistencyProof{pair[0], pair[1], older, newer, made})
	}
	return answer, answer.sign(request.Name, request.Text)
}

func (a *proveAnswer) sign(name, text string) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	a.SignerKey, a.VerifierKey, a.Note = skey, vkey, string(signed)
	return err
}

type checkRequest struct {
	Inclusion []struct {
		Index int64    `json:"index"`
		Size  int64    `json:"size"`
		Leaf  []byte   `json:"leaf"`
		Root  []byte   `json:"root"`
		Proof [][]byte `json:"proof"`
	} `json:"inclusion"`
	Consistency []struct {
		OldSize int64    `json:"oldSize"`
		NewSize int64    `json:"newSize"`
		OldRoot []byte   `json:"oldRoot"`
		NewRoot []byte   `json:"newRoot"`
		Proof   [][]byte `json:"proof"`
	} `json:"consistency"`
	Notes []struct {
		Note        string `json:"note"`
		VerifierKey string `json:"verifierKey"`
	} `json:"notes"`
}

// A verdict of both implementations: x/mod's tlog, and transparency-dev's merkle.
type verdict struct {
	Tlog   bool `json:"tlog"`
	Merkle bool `json:"merkle"`
}

type noteVerdict struct {
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

type checkAnswer struct {
	Inclusion   []verdict     `json:"inclusion"`
	Consistency []verdict     `json:"consistency"`
	Notes       []noteVerdict `json:"notes"`
}

// check says of each proof and note what the reference makes of it.
func check(request checkRequest) (*checkAnswer, error) {
	answer := &checkAnswer{}
	for _, c := range request.Inclusion {
		hashes, ok := hashesOf(append([][]byte{c.Leaf, c.Root}, c.Proof...))
		answer.Inclusion = append(answer.Inclusion, verdict{
			Tlog: ok && tlog.CheckRecord(hashes[2:], c.Size, hashes[1], c.Index, hashes[0]) == nil,
			Merkle: proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(c.Index), uint64(c.Size),
				c.Leaf, c.Proof, c.Root) == nil,
		})
	}
	for _, c := range request.Consistency {
		hashes, ok := hashesOf(append([][]byte{c.OldRoot, c.NewRoot}, c.Proof...))
		answer.Consistency = append(answer.Consistency, verdict{
			Tlog: ok && tlog.CheckTree(hashes[2:], c.NewSize, hashes[1], c.OldSize, hashes[0]) == nil,
			Merkle: proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(c.OldSize), uint64(c.NewSize),
				c.Proof, c.OldRoot, c.NewRoot) == nil,
		})
	}
	for _, c := range request.Notes {
		answer.Notes = append(answer.Notes, openNote(c.Note, c.VerifierKey))
	}
	return answer, nil
}

func openNote(text, vkey string) noteVerdict {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return noteVerdict{Reason: err.Error()}
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return noteVerdict{Reason: err.Error()}
	}
	return noteVerdict{Text: opened.Text}
}

// hashesOf is false when one of them is no hash at all.
func hashesOf(all [][]byte) ([]tlog.Hash, bool) {
	hashes := make([]tlog.Hash, len(all))
	for i, bytes := range all {
		if len(bytes) != tlog.HashSize {
			return hashes, false
		}
		copy(hashes[i][:], bytes)
	}
	return hashes, true
}
