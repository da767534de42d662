package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Up to this many entries every inclusion is proven, above it about as many.
const manyProofs = 1000

type logReport struct {
	Origin      string             `json:"origin"`
	Size        int64              `json:"size"`
	Root        tlog.Hash          `json:"root"`
	Time        uint64             `json:"time"`
	Files       []string           `json:"files"`
	Checkpoints []int64            `json:"checkpoints"`
	Inclusion   []inclusionProof   `json:"inclusion"`
	Consistency []consistencyProof `json:"consistency"`
}

type inclusionProof struct {
	Index int64            `json:"index"`
	Size  int64            `json:"size"`
	Root  tlog.Hash        `json:"root"`
	Leaf  tlog.Hash        `json:"leaf"`
	Proof tlog.RecordProof `json:"proof"`
}

type consistencyProof struct {
	OldSize int64          `json:"oldSize"`
	NewSize int64          `json:"newSize"`
	OldRoot tlog.Hash      `json:"oldRoot"`
	NewRoot tlog.Hash      `json:"newRoot"`
	Proof   tlog.TreeProof `json:"proof"`
}

// readLog verifies a log: its checkpoint's signatures, every tile hash and entry under it, the inclusion of entries,
// and that the tree of every kept checkpoint is a prefix of every later one.
func readLog(where, vkey string) (*logReport, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	timed, err := cosignerOf(vkey)
	if err != nil {
		return nil, err
	}
	files := source(where)
	data, err := files.read("checkpoint")
	if err != nil {
		return nil, err
	}
	latest, err := openCheckpoint(data, verifier, timed)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	report := &logReport{Origin: verifier.Name(), Size: latest.tree.N, Root: latest.tree.Hash, Time: latest.time}
	tiles := &tileReader{source: files, saved: map[tlog.Tile][]byte{}}
	var leaves []tlog.Hash
	for first := int64(0); first < latest.tree.N; first += 1 << tileHeight {
		more, err := checkBundle(tiles, latest.tree, first)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, more...)
	}
	if err := checkInclusion(latest.tree, leaves, tlog.TileHashReader(latest.tree, tiles), report); err != nil {
		return nil, err
	}
	kept, err := readKept(files, verifier, timed)
	if err != nil {
		return nil, err
	}
	for _, tree := range kept {
		if tree.N > latest.tree.N {
			return nil, fmt.Errorf("rolled back: a checkpoint of size %d is kept, the newest is %d", tree.N, latest.tree.N)
		}
		// The partial files of its right edge were written for this size alone.
		if tree.N > 0 {
			if _, err := checkBundle(tiles, tree, (tree.N-1)>>tileHeight<<tileHeight); err != nil {
				return nil, err
			}
		}
	}
	if err := checkConsistency(append(kept, latest.tree), tiles, report); err != nil {
		return nil, err
	}
	for tile := range tiles.saved {
		report.Files = append(report.Files, pathOf(tile))
	}
	report.Files = append(report.Files, tiles.bundles...)
	return report, nil
}

// checkBundle hashes the entries of the bundle that begins at entry first, as wide as it is in this tree, compares
// them with the leaves that tlog has authenticated, and gives those back.
func checkBundle(tiles *tileReader, tree tlog.Tree, first int64) ([]tlog.Hash, error) {
	count := int(min(tree.N-first, 1<<tileHeight))
	path, entries, err := tiles.readBundle(tlog.Tile{H: tileHeight, L: -1, N: first >> tileHeight, W: count})
	if err != nil {
		return nil, err
	}
	indexes := make([]int64, count)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	leaves, err := tlog.TileHashReader(tree, tiles).ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("tiles over entries %d to %d of %d: %w", first, first+int64(count)-1, tree.N, err)
	}
	for i, entry := range entries {
		if tlog.RecordHash(entry) != leaves[i] {
			return nil, fmt.Errorf("%s: entry %d is not the one in the tree", path, first+int64(i))
		}
	}
	tiles.bundles = append(tiles.bundles, path)
	return leaves, nil
}

func checkInclusion(tree tlog.Tree, leaves []tlog.Hash, hashes tlog.HashReader, report *logReport) error {
	step := max(1, tree.N/manyProofs)
	for index := int64(0); index < tree.N; index += step {
		if index+step >= tree.N {
			index = tree.N - 1
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaves[index])
		}
		if err != nil {
			return fmt.Errorf("inclusion of entry %d: %w", index, err)
		}
		report.Inclusion = append(report.Inclusion, inclusionProof{index, tree.N, tree.Hash, leaves[index], proof})
	}
	return nil
}

// readKept opens every checkpoint in checkpoints/, which no log shows over HTTP.
func readKept(files source, verifier note.Verifier, timed *cosigner) ([]tlog.Tree, error) {
	if files.isURL() {
		return nil, nil
	}
	names, err := os.ReadDir(filepath.Join(string(files), "checkpoints"))
	if err != nil {
		return nil, err
	}
	var kept []tlog.Tree
	for _, name := range names {
		data, err := files.read("checkpoints/" + name.Name())
		if err != nil {
			return nil, err
		}
		opened, err := openCheckpoint(data, verifier, timed)
		if err != nil {
			return nil, fmt.Errorf("checkpoints/%s: %w", name.Name(), err)
		}
		kept = append(kept, opened.tree)
	}
	return kept, nil
}

func checkConsistency(trees []tlog.Tree, tiles *tileReader, report *logReport) error {
	sort.Slice(trees, func(i, j int) bool { return trees[i].N < trees[j].N })
	for i, newer := range trees {
		if i == 0 || trees[i-1].N != newer.N {
			report.Checkpoints = append(report.Checkpoints, newer.N)
		}
		for _, older := range trees[:i] {
			if older.N == newer.N && older.Hash != newer.Hash {
				return fmt.Errorf("two trees of size %d are signed", older.N)
			}
			// Nothing is to be proven of the empty tree, and tlog proves nothing of it.
			if older.N == 0 || older.N == newer.N {
				continue
			}
			proof, err := tlog.ProveTree(newer.N, older.N, tlog.TileHashReader(newer, tiles))
			if err == nil {
				err = tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash)
			}
			if err != nil {
				return fmt.Errorf("size %d does not extend size %d: %w", newer.N, older.N, err)
			}
			report.Consistency = append(report.Consistency,
				consistencyProof{older.N, newer.N, older.Hash, newer.Hash, proof})
		}
	}
	return nil
}
