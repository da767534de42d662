import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { attestSchema, pipelineSchema, policySchema } from '../src/config/index.ts'
import { cedarSchemaText, lintRules } from '../src/policy/index.ts'

/**
 * Writes docs/configuration.md and docs/mayfly.schema.json from the schemas that check the files, docs/mayfly.cedarschema
 * from the one that checks Cedar, and docs/lint-rules.md from the rules.
 * `--check` writes nothing and fails if they are not what the schemas say.
 */
interface Json {
  type?: string
  description?: string
  properties?: Record<string, Json>
  required?: string[]
  additionalProperties?: Json | boolean
  items?: Json
  anyOf?: Json[]
  oneOf?: Json[]
  enum?: unknown[]
  const?: unknown
  default?: unknown
  pattern?: string
}

const policy = z.toJSONSchema(policySchema, { io: 'input' }) as Json
const pipeline = z.toJSONSchema(pipelineSchema, { io: 'input' }) as Json

const attest = z.toJSONSchema(attestSchema, { io: 'input' }) as Json

const text = `# Configuration

Made from the schemas in \`src/config\` by \`npm run docs\` in the source tree; a test keeps it true. Unknown keys are errors, with file, line,
column and the key that was probably meant. YAML aliases are refused. For editors: \`docs/mayfly.schema.json\`.

In patterns every character stands for itself and \`*\` for any run of characters, \`/\` included; the whole text must match.

## mayfly.yaml

${rows(policy, '').join('\n')}

### Grants

| grant | allows |
|---|---|
| \`git:read CONNECTION/OWNER/NAME\` | clone and fetch of the repository |
| \`git:push CONNECTION/OWNER/NAME@refs/...\` | create refs that match, and move branches forward (fast-forward); never a tag that exists. Of a push with one ref that is refused nothing is pushed |
| \`git:force CONNECTION/OWNER/NAME@refs/...\` | what git:push allows there, and every other update: not a fast-forward, or of a tag that exists |
| \`git:delete CONNECTION/OWNER/NAME@refs/...\` | delete refs that match, and nothing else |
| \`npm:install CONNECTION\` | packages that the run's lockfile pins, each held against its digest |
| \`npm:resolve CONNECTION\` | what npm:install allows there, and to read about any package and take what no lockfile pins, held against the registry's digest |
| \`npm:publish CONNECTION/PACKAGE[@VERSION]\` | publish new versions that match, and the tags that name them: \`npm:publish npm/@octo/*@1.*\`; never one that is there |
| \`cargo:download CONNECTION[/CRATE][@VERSION]\` | crates that Cargo.lock has, each held against its checksum |
| \`cargo:resolve CONNECTION[/CRATE]\` | what cargo:download allows there, and to take crates that Cargo.lock does not have yet, held against the index's checksum |
| \`cargo:publish CONNECTION/CRATE@VERSION\` | publish new versions that match: \`cargo:publish cargo/octo-app@1.*\`; never one that is there |
| \`go:download CONNECTION[/MODULE][@VERSION]\` | modules that go.sum has, each go.mod and zip file held against its line |
| \`go:resolve CONNECTION[/MODULE]\` | what go:download allows there, and to read which versions there are, to take modules that go.sum does not have yet, held against the checksum database |
| \`rubygems:install CONNECTION[/GEM[@VERSION]]\` | gems that Gemfile.lock has, each held against its checksum, or the index's where bundler wrote none |
| \`rubygems:resolve CONNECTION[/GEM]\` | what rubygems:install allows there, and gems that Gemfile.lock does not have yet, held against the index's checksum |
| \`rubygems:publish CONNECTION/GEM@VERSION\` | push new versions that match; never one that is there |
| \`debian:read CONNECTION\` | read the signed indexes of an archive: \`apt-get update\` |
| \`debian:download CONNECTION[/PACKAGE][@VERSION]\` | those, and packages and sources by name and version as a signed index has them: \`debian:download deb/curl@7.*\` |
| \`maven:download CONNECTION[/GROUP:ARTIFACT[@VERSION]]\` | files that gradle/verification-metadata.xml pins by SHA-256 or SHA-512, and what stands beside them |
| \`maven:resolve CONNECTION[/GROUP:ARTIFACT[@VERSION]]\` | what nothing pins, too, and metadata: what Maven itself needs, which has no lockfile. A file stays what it was when it was seen first |
| \`maven:publish CONNECTION/GROUP:ARTIFACT@VERSION\` | deploy files of versions that match; never over one that is there |
| \`pypi:install CONNECTION[/PROJECT[@VERSION]]\` | files of Python projects that the run's lockfile pins, each held against its hashes |
| \`pypi:resolve CONNECTION[/PROJECT[@VERSION]]\` | what no lockfile pins yet, by the hashes of the index: for a step that adds dependencies |
| \`pypi:publish CONNECTION/PROJECT@VERSION\` | upload files of versions that match; never one that is there |
| \`oci:pull CONNECTION/REPOSITORY[@TAG or DIGEST]\` | pull what matches, all that it consists of, and what stands beside it (signatures, SBOMs); without a tag the whole repository |
| \`oci:list CONNECTION/REPOSITORY\` | read the names of its tags |
| \`oci:catalog CONNECTION\` | read the names of the registry's repositories |
| \`oci:push CONNECTION/REPOSITORY[@TAG]\` | add tags that match; never move one that names something else |
| \`oci:force CONNECTION/REPOSITORY[@TAG]\` | what oci:push allows there, and move tags: \`oci:force images/octo/app@latest\` |
| \`oci:delete CONNECTION/REPOSITORY[@TAG or DIGEST]\` | delete what matches; by digest every tag of it goes, so a grant for a tag does not cover its digest |
| \`http:get CONNECTION/PATH\` | GET, HEAD and OPTIONS below the connection's URL; \`http:post\`, \`http:put\`, \`http:patch\`, \`http:delete\` for one method each, \`http:call\` for all of these, \`http:connect\` for a WebSocket, on which nobody sees what is done. A gRPC method is the path of a POST: \`http:post api/octo.Deployments/Create\`; the host must speak HTTP/2 |
| \`github:read CONNECTION/OWNER/NAME\` | read by GitHub's API what belongs to the repository; \`OWNER\` alone is the organisation, \`~\` the account and whatever belongs to nobody. What is named by a number is judged by its name; \`github:search\` finds in whatever the credential sees. Archives and files of releases need GitHub’s hosts for them in \`storage\` (\`codeload.github.com\`, \`release-assets.githubusercontent.com\`); they are uploaded to a second connection, with \`url: https://uploads.github.com\` and the same credential |
| \`github:WORD CONNECTION/OWNER/NAME\` | change one thing of it: \`comment\`, \`issue\`, \`pull-request\`, \`merge\`, \`status\`, \`deployment\`, \`release\`, \`contents\` (files, but not below .github), \`workflow\` (those, and Git objects), \`dispatch\`, \`secret\`, \`deploy-key\`, \`hook\`, \`create-repository\`, \`gist\`; \`admin\` for all of them and what has no word |
| \`github:query CONNECTION/FIELD\`, \`github:mutation CONNECTION/FIELD\` | GraphQL by the fields at the root of the document, whatever repository they name by id |
| \`gitlab:WORD CONNECTION/GROUP/PROJECT\` | the same for GitLab: \`read\`, \`comment\`, \`issue\`, \`merge-request\`, \`merge\`, \`status\`, \`deployment\`, \`release\`, \`package\`, \`contents\`, \`workflow\`, \`pipeline\`, \`variable\`, \`deploy-key\`, \`hook\`, \`create-project\`, \`snippet\`, \`search\`, \`query\`, \`mutation\`, \`admin\`. Requests of either API whose answer is a token, or the value of a CI variable of GitLab’s, are refused whatever is granted. gh and glab find a token that is none (\`GH_TOKEN\`, \`GITLAB_TOKEN\`), so that they start |
| \`mysql:read CONNECTION/DATABASE\` | statements that read; \`mysql:write\`, \`mysql:ddl\` for those that change data and tables, \`mysql:connect\` for everything: [what each has](deploy.md#mysql-and-mariadb) |
| \`aws:read CONNECTION/SERVICE:ACTION[/RESOURCE]\` | an operation of AWS, in IAM’s words, that changes nothing and reveals no secret: \`aws:read prod/s3:GetObject/releases/*\`; \`aws:call\` any: [how they are named](deploy.md#aws) |
| \`redis:read CONNECTION/KEY\` | commands that read keys that match; \`redis:write\` those that change them, too; \`redis:list\`, \`redis:subscribe\`, \`redis:publish\`, and \`redis:admin\` for everything else: [what each has](deploy.md#redis) |
| \`ssh:exec CONNECTION/USER/COMMAND\` | a command of plain words on the host, as that user: \`ssh:exec web/deploy/systemctl restart app\`; \`ssh:script\` any command line, \`ssh:shell\`, \`ssh:read\`, \`ssh:write\` for files, \`ssh:forward\`: [what each has](deploy.md#ssh) |
| \`k8s:VERB CONNECTION/GROUP/RESOURCE/NAMESPACE/NAME\` | what Kubernetes' verbs do: \`k8s:get prod/core/pods/web/*\`, \`k8s:apply prod/apps/deployments/web/app\`; Secrets are \`k8s:get prod/secrets/web/db\`; \`k8s:read\`, \`k8s:write\`, \`k8s:logs\`, \`k8s:exec\`, \`k8s:attach\`, \`k8s:port-forward\`, \`k8s:proxy\`: [what each has](deploy.md#kubernetes) |
| \`tcp:connect CONNECTION\` | a connection of any protocol, as bytes |
| \`KIND:credential CONNECTION\` | every kind has it: the step itself is given the credential that was made for it, as the connection’s \`deliver\` says; for the connection as a whole, and it makes the role one that writes |

## Pipeline files

${rows(pipeline, '').join('\n')}

## attest.yaml

A file of the server, \`mayfly up --attest FILE\`, not of the policy: [by what attestations are signed](attestations.md#keys).

${rows(attest, '').join('\n')}
`

const lint = `# Lint rules

Made from the rules in \`src/policy/lint\` by \`npm run docs\` in the source tree. \`mayfly policy lint\` exits with 1 if an error is found. What is
marked as refused is not even applied: see [policy.md](policy.md).

${lintRules
  .map(
    ({ id, severity, title, why, fix, refused }) =>
      `## ${id}\n\n${severity}${refused === undefined ? '' : `; ${refused}`}\n\n${title}.\n\n**Why.** ${why}\n\n**Fix.** ${fix}\n`,
  )
  .join('\n')}`

const files = {
  'docs/lint-rules.md': lint,
  'docs/mayfly.cedarschema': cedarSchemaText(),
  'docs/configuration.md': text,
  'docs/mayfly.schema.json': `${JSON.stringify(policy, null, 2)}\n`,
}
for (const [file, content] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(file, content)
  else if (readFileSync(file, 'utf8') !== content) {
    process.stderr.write(`${file} is not what the schema says: npm run docs\n`)
    process.exitCode = 1
  }
}

/** A list, as deep as the keys are. */
function rows(schema: Json, indent: string): string[] {
  const required = new Set(schema.required)
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const notes = [
      required.has(key) && value.default === undefined ? 'required' : '',
      value.default === undefined ? '' : `default \`${JSON.stringify(value.default)}\``,
      shape(value),
    ]
    const line = `${indent}- \`${key}\` (${notes.filter((note) => note !== '').join(', ')})${value.description === undefined ? '' : `: ${value.description}`}`
    return [line, ...inner(value, `${indent}  `)]
  })
}

function inner(value: Json, indent: string): string[] {
  const variants = value.oneOf ?? value.anyOf
  if (variants !== undefined) {
    return variants.flatMap((variant) => {
      if (variant.properties === undefined) return []
      const kind = variant.properties['kind']?.const
      const head =
        kind === undefined
          ? `${indent}- either${variant.description === undefined ? '' : `: ${variant.description}`}`
          : `${indent}- \`kind: ${String(kind)}\`: ${variant.description ?? ''}`
      const { kind: _, ...properties } = variant.properties
      return [head, ...rows({ ...variant, properties }, `${indent}  `)]
    })
  }
  if (value.properties !== undefined) return rows(value, indent)
  if (typeof value.additionalProperties === 'object')
    return [`${indent}- \`NAME\``, ...inner(value.additionalProperties, `${indent}  `)]
  if (value.items !== undefined) return inner(value.items, indent)
  return []
}

function shape(value: Json): string {
  if (value.const !== undefined) return `\`${String(value.const)}\``
  if (value.enum !== undefined) return value.enum.map((one) => `\`${String(one)}\``).join(' or ')
  if (value.anyOf?.every((one) => one.properties === undefined))
    return [...new Set(value.anyOf.map(shape))].join(' or ')
  if (value.oneOf !== undefined || value.anyOf !== undefined) return 'one of several forms'
  return (
    {
      array: 'list',
      object: 'map',
      string: 'text',
      boolean: 'yes or no',
      integer: 'number',
      number: 'number',
    }[value.type ?? ''] ?? ''
  )
}
