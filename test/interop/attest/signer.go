package main

// maySign is "Who may sign": the certificate has to be of the job that the statement is about. That the root signs for Mayfly alone is
// for whoever pins it to know.
func (v *verified) maySign(raw []byte) error {
	statement, err := readStatement(raw)
	if err != nil || v.uri == "" {
		return err
	}
	predicate := statement["predicate"]
	issuer, repository := str(predicate, "identity", "issuerUrl"), str(predicate, "identity", "attributes", "repository_id")
	if statement["predicateType"] != receiptType {
		definition := get(predicate, "buildDefinition")
		issuer = str(definition, "internalParameters", "issuer", "url")
		repository = str(definition, "externalParameters", "source", "repositoryId")
	}
	if issuer != v.issue || v.repository != "" && v.repository != repository {
		return fail("other_signer", "it is by %q for %q, and about a job of %q for %q", v.issue, v.repository, issuer, repository)
	}
	return nil
}
