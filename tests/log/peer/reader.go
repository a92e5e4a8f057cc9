// A reader of a circle's log that shares no line with circles: Go's own transparency log packages,
// golang.org/x/mod/sumdb/note and .../tlog, which check Go's checksum database.
//
//	reader <log's verifier key> <folder or address of log/> <n> [-older FILE]... [-cosigned KEY FILE]...
//
// It opens the checkpoint, proves every n-th entry and the last by the hash tiles, and proves that
// the log goes on from each older checkpoint. Prints "ok <size> <base64 root>", or what fails, and then exits 1.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: reader <verifier key> <folder or address of log/> <n>")
	}
	every, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	key, err := note.NewVerifier(args[0])
	if err != nil {
		return err
	}
	files := files{args[1]}
	signed, err := files.read("checkpoint")
	if err != nil {
		return err
	}
	tree, _, err := open(signed, key)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	hashes := tlog.TileHashReader(tree, tiles{files})
	if err := checkEntries(files, tree, hashes, every); err != nil {
		return err
	}
	for rest := args[3:]; len(rest) > 0; {
		switch {
		case rest[0] == "-older" && len(rest) > 1:
			err, rest = checkOlder(rest[1], key, tree, hashes), rest[2:]
		case rest[0] == "-cosigned" && len(rest) > 2:
			err, rest = checkCosigned(rest[1], rest[2], key, tree, hashes), rest[3:]
		default:
			err = fmt.Errorf("what is this: %s", rest[0])
		}
		if err != nil {
			return err
		}
	}
	fmt.Printf("ok %d %s\n", tree.N, tree.Hash)
	return nil
}

// open believes a checkpoint that one of these keys signed: origin, size, root.
func open(signed []byte, keys ...note.Verifier) (tlog.Tree, *note.Note, error) {
	opened, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != keys[0].Name() {
		return tlog.Tree{}, nil, fmt.Errorf("not a checkpoint of %s", keys[0].Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, opened, err
}

// checkEntries proves entries of each bundle to be those under the root.
func checkEntries(files files, tree tlog.Tree, hashes tlog.HashReader, every int64) error {
	for first := int64(0); first < tree.N; first += width {
		count := tree.N - first
		if count > width {
			count = width
		}
		data, err := files.read(path("entries", first/width, count))
		if err != nil {
			return err
		}
		for index := first; index < first+count; index++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("entry %d is cut short", index)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			if index%every == 0 || index == tree.N-1 {
				if err := checkEntry(data[2:end], index, tree, hashes); err != nil {
					return fmt.Errorf("entry %d: %w", index, err)
				}
			}
			data = data[end:]
		}
		if len(data) != 0 {
			return fmt.Errorf("bytes after entry %d", first+count-1)
		}
	}
	return nil
}

func checkEntry(entry []byte, index int64, tree tlog.Tree, hashes tlog.HashReader) error {
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func checkOlder(file string, key note.Verifier, tree tlog.Tree, hashes tlog.HashReader) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	older, _, err := open(signed, key)
	if err != nil {
		return fmt.Errorf("older checkpoint: %w", err)
	}
	return goesOn(older, tree, hashes)
}

func goesOn(older, tree tlog.Tree, hashes tlog.HashReader) error {
	if older.N > tree.N {
		return fmt.Errorf("the log had %d entries and now has %d", older.N, tree.N)
	}
	proof, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return fmt.Errorf("from %d: %w", older.N, err)
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("from %d: %w", older.N, err)
	}
	return nil
}

// checkCosigned opens a checkpoint by the log's key and a witness's, both needed.
func checkCosigned(text, file string, key note.Verifier, tree tlog.Tree, hashes tlog.HashReader) error {
	witness, err := newWitness(text)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	seen, opened, err := open(signed, key, witness)
	if err != nil {
		return fmt.Errorf("cosigned checkpoint: %w", err)
	}
	if len(opened.Sigs) != 2 {
		return fmt.Errorf("cosigned checkpoint: %d good signatures, not 2", len(opened.Sigs))
	}
	return goesOn(seen, tree, hashes)
}

// witness verifies cosignature/v1 (C2SP tlog-cosignature), written from that page alone.
type witness struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

func newWitness(text string) (*witness, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("a witness key is <name>+<key id>+<base64>")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 0x04 {
		return nil, fmt.Errorf("a witness key is of type 04")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		return nil, fmt.Errorf("the key id is not that of the witness key")
	}
	return &witness{parts[0], binary.BigEndian.Uint32(sum[:4]), ed25519.PublicKey(key[1:])}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	var message bytes.Buffer
	fmt.Fprintf(&message, "cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	message.Write(text)
	return ed25519.Verify(w.public, message.Bytes(), sig[8:])
}

// files are those of the log, in a folder or at an address.
type files struct{ base string }

func (f files) read(name string) ([]byte, error) {
	if !strings.HasPrefix(f.base, "http://") {
		return os.ReadFile(filepath.Join(f.base, filepath.FromSlash(name)))
	}
	answer, err := http.Get(f.base + "/" + name)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", name, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 1<<26))
}

// path is that of C2SP tlog-tiles.
func path(level string, number, count int64) string {
	name := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		name = fmt.Sprintf("x%03d/%s", number%1000, name)
	}
	if count < width {
		name += fmt.Sprintf(".p/%d", count)
	}
	return "tile/" + level + "/" + name
}

// tiles are the hash tiles as tlog asks for them.
type tiles struct{ files }

func (t tiles) Height() int                     { return height }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := t.read(path(strconv.Itoa(tile.L), tile.N, int64(tile.W)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}
