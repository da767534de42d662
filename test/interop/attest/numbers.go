package main

import (
	"encoding/json"
	"time"
)

// checkNumbers: what Form says beyond the shape: counts, times, and what may not be there twice.
func checkNumbers(receipt object) error {
	for _, name := range []string{"grants", "egress", "credentials"} {
		if receipt[name+"Count"] != nil && len(items(receipt, name)) != 1000 {
			return fail("malformed", "%sCount beside fewer than 1000", name)
		}
	}
	for _, name := range []string{"granted", "denied"} {
		list := items(receipt, "operations", name)
		sum := sumOf(list)
		total, _ := whole(get(receipt, "operations", name+"Total"))
		if len(list) < 1000 && sum != total || sum > total {
			return fail("malformed", "operations.%sTotal is %d, not %d", name, total, sum)
		}
	}
	for _, name := range []string{"artifacts", "inputs"} {
		n := len(items(receipt, "reported", name, "files"))
		if total, _ := whole(get(receipt, "reported", name, "count")); int64(n) > total {
			return fail("malformed", "reported.%s.count is %d, and names %d", name, total, n)
		}
	}
	const slack = 600 * time.Second
	began, ended := timeAt(receipt, "step", "started"), timeAt(receipt, "step", "finished")
	if began.Sub(ended) > slack || timeAt(receipt, "session", "issued").Sub(began) > slack {
		return fail("malformed", "the step ended before it began, or began before its session")
	}
	for _, c := range items(receipt, "credentials") {
		issued := timeAt(c, "issued")
		if issued.After(timeAt(c, "expires")) || get(c, "revoked") == nil && get(c, "reason") != nil ||
			get(c, "revoked") != nil && issued.Sub(timeAt(c, "revoked")) > slack {
			return fail("malformed", "the times of the credential %q cannot be", str(c, "lease"))
		}
	}
	if twice(items(receipt, "credentials"), "lease") || twice(items(receipt, "approvals"), "id") ||
		twice(items(receipt, "published"), "name", "digest", "connection") {
		return fail("malformed", "a credential, approval or publication is there twice")
	}
	last, bytes := int64(-1), 0
	for _, e := range items(receipt, "audit", "entries") {
		index, _ := whole(get(e, "index"))
		if bytes += len(str(e, "entry")); index <= last || bytes > 4_194_304 {
			return fail("malformed", "the entries do not ascend at index %d, or are too long", index)
		}
		last = index
	}
	return nil
}

func sumOf(counted []any) (sum int64) {
	for _, one := range counted {
		n, _ := whole(get(one, "count"))
		sum += n
	}
	return sum
}

func timeAt(v any, path ...string) time.Time {
	t, _ := parseTime(get(v, path...))
	return t
}

// twice: two of the list have these members alike.
func twice(list []any, names ...string) bool {
	seen := map[string]bool{}
	for _, one := range list {
		members := []any{}
		for _, name := range names {
			members = append(members, get(one, name))
		}
		key, _ := json.Marshal(members)
		if seen[string(key)] {
			return true
		}
		seen[string(key)] = true
	}
	return false
}
