package main

// maySign is "Who may sign": the certificate has to be of the job that the statement is about. That the root signs for Mayfly alone is
// for whoever pins it to know.
func (v *verified) maySign(raw []byte) error {
	statement, err := readStatement(raw)
	if err != nil || v.uri == "" {
		return err
	}
	predicate := statement["predicate"]
	issuer := str(predicate, "identity", "issuerUrl")
	job := get(predicate, "identity", "attributes")
	said := []any{get(job, "repository_id"), get(job, "ref"), get(job, "commit")}
	if statement["predicateType"] != receiptType {
		definition := get(predicate, "buildDefinition")
		source := get(definition, "externalParameters", "source")
		issuer = str(definition, "internalParameters", "issuer", "url")
		said = []any{get(source, "repositoryId"), get(source, "ref"), get(source, "digest", "gitCommit")}
	}
	if !isText(issuer, v.issue) {
		return fail("other_signer", "its certificate is of the issuer %q, and it is about a job of %q", v.issue, issuer)
	}
	for i, theirs := range []string{v.repository, v.ref, v.commit} {
		if theirs != "" && !equal(said[i], theirs) {
			return fail("other_signer", "its certificate is of %q, and it is about %v", theirs, said[i])
		}
	}
	return nil
}
