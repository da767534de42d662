/** What becomes of a step that uses an action. */
export type ActionUse =
  /** It neither reads credentials of the job nor talks to what they are for. */
  | { readonly is: 'neutral' }
  /** It logs in for steps behind it, and goes where those are run by Mayfly. `key`: inputs that make it a login by a long-lived key. */
  | { readonly is: 'login'; readonly key: RegExp }
  /** It takes a token that it does not need: these inputs go. */
  | { readonly is: 'token-input'; readonly inputs: RegExp }
  /** It talks to the service by itself. */
  | { readonly is: 'own'; readonly instead: string }

interface Row {
  readonly name: RegExp
  readonly use: ActionUse
}

const neutral: ActionUse = { is: 'neutral' }
const login = (key: RegExp): ActionUse => ({ is: 'login', key })
const own = (instead: string): ActionUse => ({ is: 'own', instead })

const rows: readonly Row[] = [
  { name: /^actions\/checkout$/, use: { is: 'token-input', inputs: /^(?:token|ssh-key)$/ } },
  {
    name: /^(?:actions\/(?:setup-[\w-]+|cache(?:\/(?:save|restore))?|upload-artifact|download-artifact|labeler|stale|dependency-review-action|attest(?:-[\w-]+)?)|pnpm\/action-setup|ruby\/setup-ruby|oven-sh\/setup-bun|denoland\/setup-deno|astral-sh\/(?:setup-uv|ruff-action)|dtolnay\/rust-toolchain|actions-rust-lang\/setup-rust-toolchain|Swatinem\/rust-cache|docker\/(?:setup-[\w-]+|metadata-action)|sigstore\/cosign-installer|hashicorp\/setup-[\w-]+|azure\/setup-[\w-]+|gradle\/(?:actions\/[\w-]+|wrapper-validation-action)|imjasonh\/setup-[\w-]+|oras-project\/setup-oras|step-security\/harden-runner|extractions\/setup-just|arduino\/setup-[\w-]+|google-github-actions\/setup-gcloud|jdx\/mise-action|taiki-e\/install-action|golangci\/golangci-lint-action|pre-commit\/action|dorny\/paths-filter|tj-actions\/changed-files)$/i,
    use: neutral,
  },
  {
    name: /^(?:docker\/login-action|azure\/docker-login|redhat-actions\/podman-login)$/i,
    use: login(/^(?:username|password)$/),
  },
  {
    name: /^aws-actions\/configure-aws-credentials$/i,
    use: login(/^aws-(?:access-key-id|secret-access-key|session-token)$/),
  },
  { name: /^google-github-actions\/auth$/i, use: login(/^credentials_json$/) },
  { name: /^azure\/login$/i, use: login(/^(?:creds|client-secret)$/) },
  {
    name: /^(?:webfactory\/ssh-agent|shimataro\/ssh-key-action)$/i,
    use: login(/^(?:ssh-private-key|key|known_hosts)$/),
  },
  {
    name: /^(?:azure\/k8s-set-context|azure\/aks-set-context)$/i,
    use: login(/^(?:kubeconfig|k8s-secret|k8s-url)$/),
  },
  {
    name: /^pypa\/gh-action-pypi-publish$/i,
    use: own(
      '`run: twine upload dist/*`; or give it no password: with id-token: write the index takes the job’s own identity (trusted publishing)',
    ),
  },
  {
    name: /^(?:softprops\/action-gh-release|ncipollo\/release-action|actions\/create-release|svenstaro\/upload-release-action)$/i,
    use: own('`run: gh release create "$GITHUB_REF_NAME" FILES`, with github:release'),
  },
  {
    name: /^(?:docker\/build-push-action|docker\/bake-action|elgohr\/publish-docker-github-action)$/i,
    use: own(
      '`run: buildah bud -t IMAGE . && buildah push IMAGE`, with oci:push and `allow: [nested-namespaces]`',
    ),
  },
  {
    name: /^goreleaser\/goreleaser-action$/i,
    use: own('`run: goreleaser release --clean`, with github:release'),
  },
  {
    name: /^(?:JS-DevTools\/npm-publish|changesets\/action|cycjimmy\/semantic-release-action)$/i,
    use: own('`run: npm publish` (`changeset publish`, `semantic-release`), with npm:publish'),
  },
  { name: /^katyo\/publish-crates$/i, use: own('`run: cargo publish`, with cargo:publish') },
  {
    name: /^(?:peter-evans\/[\w-]+|benc-uk\/workflow-dispatch|stefanzweifel\/git-auto-commit-action|ad-m\/github-push-action|JamesIves\/github-pages-deploy-action|peaceiris\/actions-gh-pages)$/i,
    use: own('`gh` or `git push` in a `run:` step, with the grant that it names when it is denied'),
  },
  {
    name: /^(?:actions\/create-github-app-token|tibdex\/github-app-token)$/i,
    use: own(
      'nothing: with `credential: { github-app: ... }` Mayfly makes a token for each step, and steps need none',
    ),
  },
  {
    name: /^(?:appleboy\/(?:ssh|scp)-action|burnett01\/rsync-deployments|easingthemes\/ssh-deploy)$/i,
    use: own('`ssh`, `scp` or `rsync` in a `run:` step, with ssh:exec and ssh:write'),
  },
  {
    name: /^(?:jakejarvis\/s3-sync-action|aws-actions\/[\w-]+)$/i,
    use: own('the `aws` command in a `run:` step, with aws:call'),
  },
  {
    name: /^google-github-actions\/[\w-]+$/i,
    use: own('the `gcloud` command in a `run:` step, with gcp:call'),
  },
  { name: /^azure\/[\w-]+$/i, use: own('the `az` command in a `run:` step, with azure:call') },
  {
    name: /^(?:codecov\/codecov-action|coverallsapp\/github-action|SonarSource\/[\w-]+|sonarsource\/[\w-]+)$/i,
    use: own('its command-line program in a `run:` step, with http:post on a connection to its API'),
  },
  {
    name: /^(?:slackapi\/slack-github-action|rtCamp\/action-slack-notify|8398a7\/action-slack|Ilshidur\/action-discord)$/i,
    use: own('`curl https://slack.com/api/chat.postMessage` in a `run:` step, with http:post'),
  },
  {
    name: /^actions\/github-script$/i,
    use: own('`gh api` in a `run:` step, with the grant for what it does'),
  },
]

const unknown = own('the tool that it wraps, in a `run:` step')

export function actionUse(name: string): ActionUse {
  return rows.find((row) => row.name.test(name))?.use ?? unknown
}
