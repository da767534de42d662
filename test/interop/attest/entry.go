package main

import (
	"errors"
	"regexp"
	"strings"
	"time"
)

// An entry of the audit log, as far as a receipt needs it.
type entry struct {
	kind    string // the short type: step.started
	subject string
	run     string
	source  string
	time    time.Time
	data    object // data.subject.content, or data.customData
	text    string
}

var cdEvents = map[string]string{
	"dev.cdevents.pipelinerun.started.0.3.0":  "run.started",
	"dev.cdevents.pipelinerun.finished.0.3.0": "run.finished",
	"dev.cdevents.taskrun.started.0.3.0":      "step.started",
	"dev.cdevents.taskrun.finished.0.3.0":     "step.finished",
}

var (
	ownType   = regexp.MustCompile(`^dev\.cdeventsx\.mayfly-([a-z]{1,64}\.[a-z]{1,64})\.0\.2\.0$`)
	entryTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

// readEntry: "Entries" of audit-format.md.
func readEntry(s string) (*entry, error) {
	o, err := readObject([]byte(s), false)
	if err != nil {
		return nil, err
	}
	e := &entry{subject: str(o, "subject"), source: str(o, "source"), text: s}
	at, ok := parseTime(o["time"])
	if !ok || !entryTime.MatchString(str(o, "time")) {
		return nil, errors.New("its time is no time")
	}
	e.time = at
	if str(o, "specversion") != "1.0" || str(o, "id") == "" || e.source == "" || e.subject == "" {
		return nil, errors.New("specversion, id, source or subject is missing")
	}
	path := []string{"data", "subject", "content"}
	if short, ok := cdEvents[str(o, "type")]; ok {
		e.kind, path = short, []string{"data", "customData"}
	} else if m := ownType.FindStringSubmatch(str(o, "type")); m != nil {
		e.kind = m[1]
		if e.kind == "step.started" || e.kind == "step.finished" || e.kind == "run.started" || e.kind == "run.finished" {
			return nil, errors.New("a type of CDEvents, written as Mayfly's")
		}
	} else {
		return nil, errors.New("its type is not known")
	}
	if e.data, ok = get(o, path...).(object); !ok {
		return nil, errors.New("it has no data")
	}
	run, hasRun := o["mayflyrun"]
	seq, hasSeq := o["mayflyseq"]
	if e.run, ok = run.(string); hasRun && (!ok || e.run == "") {
		return nil, errors.New("mayflyrun is no text")
	}
	if _, ok := whole(seq); hasSeq && (!ok || !hasRun) {
		return nil, errors.New("mayflyseq is no number of a run")
	}
	return e, nil
}

// belongs: the entry is of this step, or of what the step was part of.
func (e *entry) belongs(receipt object) bool {
	step, session := str(receipt, "step", "id"), str(receipt, "session", "id")
	if e.source != "mayfly://server" || e.run != str(receipt, "run", "id") {
		return false
	}
	switch {
	case e.subject == step, str(e.data, "step") == step:
		return true
	case e.kind == "session.issued", e.kind == "session.ended":
		return e.subject == session
	case strings.HasPrefix(e.kind, "approval."):
		for _, a := range items(receipt, "approvals") {
			if str(a, "id") == e.subject {
				asker := str(e.data, "bound", "operation", "step")
				return asker == "" || asker == step
			}
		}
		return false
	}
	return e.kind == "run.started" || e.kind == "run.finished" || e.kind == "entries.lost"
}
