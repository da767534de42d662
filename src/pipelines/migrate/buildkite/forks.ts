/** What whoever trusts a pipeline of Buildkite has to see to: its token says it of no build. */
export const untoldForks =
  'the token does not tell a fork: let no build of a fork have the name of your branch (docs/issuers.md, Buildkite)'
