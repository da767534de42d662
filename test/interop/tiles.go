package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// A source reads the public files of a log by their path: of a folder, or over HTTP.
type source string

func (s source) isURL() bool { return strings.Contains(string(s), "://") }

// read gives fs.ErrNotExist for a file that is not there.
func (s source) read(path string) ([]byte, error) {
	if !s.isURL() {
		return os.ReadFile(filepath.Join(string(s), filepath.FromSlash(path)))
	}
	response, err := http.Get(strings.TrimSuffix(string(s), "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return nil, fs.ErrNotExist
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// pathOf is the C2SP path of a tile: tlog's without the height, and with "entries" for "data" (c2sp.org/tlog-tiles).
func pathOf(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// A tileReader is a tlog.TileReader of C2SP tiles. Tiles that tlog has found valid are kept, and the paths of bundles
// whose entries were.
type tileReader struct {
	source  source
	saved   map[tlog.Tile][]byte
	bundles []string
}

func (r *tileReader) Height() int { return tileHeight }

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if data[i] = r.saved[tile]; data[i] != nil {
			continue
		}
		bytes, err := r.readTile(tile)
		if err != nil {
			return nil, err
		}
		if len(bytes) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes instead of %d", pathOf(tile), len(bytes), tile.W*tlog.HashSize)
		}
		data[i] = bytes
	}
	return data, nil
}

func (r *tileReader) readTile(tile tlog.Tile) ([]byte, error) {
	bytes, _, err := r.readWidest(tile)
	if err == nil && tile.W < 1<<tileHeight && len(bytes) == tlog.HashSize<<tileHeight {
		bytes = bytes[:tile.W*tlog.HashSize]
	}
	return bytes, err
}

// readBundle gives the path that a bundle was found at, and its entries.
func (r *tileReader) readBundle(tile tlog.Tile) (string, [][]byte, error) {
	bundle, found, err := r.readWidest(tile)
	path := pathOf(found)
	if err != nil {
		return path, nil, err
	}
	entries, err := entriesOf(bundle, found.W)
	if err != nil {
		return path, nil, fmt.Errorf("%s: %w", path, err)
	}
	return path, entries[:tile.W], nil
}

// readWidest reads a partial, or, as it may be gone once its tile is full, the full tile that begins with it.
func (r *tileReader) readWidest(tile tlog.Tile) ([]byte, tlog.Tile, error) {
	bytes, err := r.source.read(pathOf(tile))
	if !errors.Is(err, fs.ErrNotExist) || tile.W == 1<<tileHeight {
		return bytes, tile, err
	}
	full := tile
	full.W = 1 << tileHeight
	if bytes, fullErr := r.source.read(pathOf(full)); fullErr == nil {
		return bytes, full, nil
	}
	return nil, tile, err
}

func (r *tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		r.saved[tile] = data[i]
	}
}

// entriesOf splits a bundle: every entry has its length before it, 16 bits, and nothing may follow the last.
func entriesOf(bundle []byte, count int) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, fmt.Errorf("cut inside entry %d", len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	if len(entries) != count {
		return nil, fmt.Errorf("%d entries instead of %d", len(entries), count)
	}
	return entries, nil
}
