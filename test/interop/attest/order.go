package main

// job: each entry is of the receipt's session, and of the job that it says.
func (a *agreement) job(e *entry) {
	r := a.receipt
	if session, there := e.data["session"]; there {
		a.same("session.id", get(r, "session", "id"), session)
	}
	job, there := e.data["job"]
	if !there && e.kind != "step.started" && e.kind != "step.finished" {
		return
	}
	a.same("identity.issuer", get(r, "identity", "issuer"), get(job, "issuer"))
	for _, name := range []string{"repository", "repository_id", "ref", "commit"} {
		a.same("identity.attributes."+name, get(r, "identity", "attributes", name), get(job, name))
	}
}

// order: what allows something stands before it. The entries are in the log's order.
func (a *agreement) order(entries []*entry) {
	place, enough, used := map[string]int{}, map[string]int{}, map[string]int{}
	for i, e := range entries {
		place[e.kind] = i
		if _, there := enough[e.subject]; !there && e.kind == "approval.granted" && e.data["complete"] == true {
			enough[e.subject] = i
		}
		for _, id := range items(e.data, "approvals") {
			if _, there := used[str(id)]; !there && e.kind == "access.granted" {
				used[str(id)] = i
			}
		}
	}
	start := place["step.started"]
	a.need(place["session.issued"] < start, "session.issued stands behind step.started")
	a.need(start < place["step.finished"], "step.finished stands before step.started")
	for i, e := range entries {
		if e.kind == "approval.granted" {
			ofSession := get(e.data, "bound", "operation") == nil
			a.need(i < start == ofSession, "entry %s: a yes for the session stands before step.started, one for an operation behind it", e.subject)
		}
	}
	for id, i := range enough {
		at, there := used[id]
		a.need(!there || i < at, "access.granted stands before enough had said yes to %s", id)
	}
}
