package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type consistencyVerdict struct {
	Older int64 `json:"older"`
	Newer int64 `json:"newer"`
}

// checkConsistencyFile verifies a proof that stands alone in a file, by what docs/audit-format.md says of it ("Proofs").
func checkConsistencyFile(path, vkey string) (any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	log, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	timed, err := cosignerOf(vkey)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(string(data), "\n\n")
	head := strings.Split(parts[0], "\n")
	if len(parts) != 5 || head[0] != "mayfly-consistency/v1" {
		return nil, fmt.Errorf("no proof of consistency")
	}
	var proof tlog.TreeProof
	for _, line := range head[1:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("no hash: %q", line)
		}
		proof = append(proof, tlog.Hash(*(*[32]byte)(hash)))
	}
	older, err := openCheckpoint([]byte(parts[1]+"\n\n"+parts[2]+"\n"), log, timed)
	if err != nil {
		return nil, fmt.Errorf("the older checkpoint: %w", err)
	}
	newer, err := openCheckpoint([]byte(parts[3]+"\n\n"+parts[4]), log, timed)
	if err != nil {
		return nil, fmt.Errorf("the newer checkpoint: %w", err)
	}
	// Of the empty tree, and of a tree and itself, tlog proves nothing.
	if older.tree.N == 0 || older.tree.N == newer.tree.N {
		if len(proof) > 0 || (older.tree.N > 0 && older.tree.Hash != newer.tree.Hash) {
			return nil, fmt.Errorf("nothing is to be proven, and it is not so")
		}
	} else if err := tlog.CheckTree(proof, newer.tree.N, newer.tree.Hash, older.tree.N, older.tree.Hash); err != nil {
		return nil, err
	}
	return consistencyVerdict{older.tree.N, newer.tree.N}, nil
}
