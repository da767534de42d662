package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var provenanceShape = record{
	"buildDefinition": exact{
		"buildType": is("urn:mayfly:step:v1"),
		"externalParameters": exact{
			"source?":   record{"uri?": text, "digest?": digests, "repository?": text, "repositoryId?": text, "ownerId?": text, "ref?": text},
			"workflow?": text, "environment?": text, "event?": text, "fork?": anything,
			"role": text, "step": text, "command": text, "image?": text, "workspace?": text,
			"script?": record{"of": text, "text": text, "digest?": sha256Digest},
		},
		"internalParameters": exact{
			"run": text, "session": text, "stepId": text, "person?": text,
			"ciRun":  record{"id?": text, "attempt?": text, "job?": text},
			"issuer": record{"name": text, "url": text, "runner?": text},
			"tier":   text, "isolation": text, "engine?": text, "limitsHeldBy?": text,
			"policy":  record{"version": count, "digest?": sha256Digest},
			"grants?": list{text}, "grantsCount?": count, "egress?": list{text}, "egressCount?": count, "services?": list{count},
			"approvals?":           list{record{"id": text, "group?": text, "people": list{text}, "at": instant, "of": text}},
			"dependenciesOmitted?": count, "dependenciesIncomplete?": kind(func(v any) bool { return v == true }),
		},
		"resolvedDependencies?": list{record{"name?": text, "uri?": text, "digest": digests, "annotations?": anObject}},
	},
	"runDetails": exact{
		"builder":     record{"id": text, "version": record{"mayfly": text}},
		"metadata":    record{"invocationId": text, "startedOn": instant, "finishedOn": instant},
		"byproducts?": list{descriptor},
	},
}

// readProvenance is one line of what the provenance says, if it has the form of the page and does not contradict itself.
func readProvenance(statement object) (string, error) {
	p := statement["predicate"]
	if statement["predicateType"] != "https://slsa.dev/provenance/v1" {
		return "", fail("malformed", "it is no provenance")
	}
	if err := provenanceShape.check("predicate", p); err != nil {
		return "", err
	}
	external, internal := get(p, "buildDefinition", "externalParameters"), get(p, "buildDefinition", "internalParameters")
	builder := str(p, "runDetails", "builder", "id")
	url, tier, ok := strings.Cut(builder, "/builders/tier-")
	if !ok || tier == "" || !strings.Contains("bce", tier) || strings.ToLower(str(internal, "tier")) != tier {
		return "", fail("malformed", "the builder %q is not of tier %q", builder, str(internal, "tier"))
	}
	invocation := fmt.Sprintf("%s/runs/%s/steps/%s", url, str(internal, "run"), str(internal, "stepId"))
	if str(p, "runDetails", "metadata", "invocationId") != invocation {
		return "", fail("malformed", "the invocation is not of this run and step")
	}
	if n := len(items(p, "buildDefinition", "resolvedDependencies")); n > 20_000 {
		return "", fail("malformed", "%d dependencies", n)
	}
	steps := fmt.Sprintf("%s/runs/%s/steps/", url, str(internal, "run"))
	verified, err := allVerified(p, steps, str(internal, "stepId"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: step %q of %s, commit %s, %d subjects, %d dependencies, all verified: %t", builder, str(external, "step"),
		str(external, "source", "uri"), str(external, "source", "digest", "gitCommit"), len(items(statement, "subject")),
		len(items(p, "buildDefinition", "resolvedDependencies")), verified), nil
}

var betterThanTheirWord = []string{"lockfile", "digest", "signature", "sumdb", "identity"}

// allVerified: everything that the step took in was held against more than somebody's word, and so for the files of earlier steps.
func allVerified(p any, steps, own string) (bool, error) {
	internal := get(p, "buildDefinition", "internalParameters")
	verified := get(internal, "dependenciesOmitted") == nil && get(internal, "dependenciesIncomplete") == nil
	for i, one := range items(p, "buildDefinition", "resolvedDependencies") {
		a := get(one, "annotations")
		madeBy, reported := get(a, "madeBy"), get(a, "reported") != nil
		if str(a, "verifiedBy") == "run" != (madeBy != nil) || madeBy != nil && (reported || str(a, "from") != "run") {
			return false, fail("malformed", "dependency %d: whose file it is contradicts itself", i)
		}
		if madeBy == nil {
			verified = verified && !reported && slices.Contains(betterThanTheirWord, str(a, "verifiedBy"))
			continue
		}
		step, ok := strings.CutPrefix(str(a, "madeBy"), steps)
		if !ok || step == own || !stepForm.MatchString(step) {
			return false, fail("malformed", "dependency %d is of no other step of the run", i)
		}
		if word := get(a, "dependencies"); word != nil && word != "verified" {
			return false, fail("malformed", "dependency %d: its dependencies are %v", i, word)
		}
		verified = verified && get(a, "dependencies") != nil
	}
	return verified, nil
}

var stepForm = regexp.MustCompile(`^stp_[0-9a-z]+$`)
