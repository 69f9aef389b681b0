package differential

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

type logFile struct {
	path     string
	contents []byte
}

// fewestLogs keeps a run over empty folders from proving anything.
const fewestLogs = 30

// logFiles are the logs to read, name -> contents: all of tests/data/event-logs, and what go-eventlog is tested with
// beside them, as it comes with its module.
func logFiles(t *testing.T) map[string]logFile {
	t.Helper()
	testdata := filepath.Join(moduleFolder(t, "github.com/google/go-eventlog"), "testdata")
	logs := map[string]logFile{}
	seen := map[[sha256.Size]byte]bool{}
	for _, source := range []struct{ prefix, pattern string }{
		{"", "../data/event-logs/*"},
		{"go-eventlog/", filepath.Join(testdata, "eventlogs/tpm/*")},
		{"go-eventlog/", filepath.Join(testdata, "eventlogs/ccel/*")},
		{"go-eventlog/", filepath.Join(testdata, "legacydata/*_eventlog")},
	} {
		paths, err := filepath.Glob(source.pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no logs in %s", source.pattern)
		}
		for _, path := range paths {
			name := filepath.Base(path)
			if !isLog(name) {
				continue
			}
			contents, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256(contents)
			if source.prefix == "" || !seen[digest] {
				logs[source.prefix+name] = logFile{path, contents}
			}
			seen[digest] = true
		}
	}
	if len(logs) < fewestLogs {
		t.Fatalf("only %d logs", len(logs))
	}
	return logs
}

// isLog leaves out notes, and ACPI tables that only say where a log is.
func isLog(name string) bool {
	for _, end := range []string{".md", ".json", ".table.bin", "CCEL.bin"} {
		if strings.HasSuffix(name, end) {
			return false
		}
	}
	return true
}

// moduleFolder is where Go keeps a module that go.mod names.
func moduleFolder(t *testing.T, module string) string {
	t.Helper()
	command := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}
