import type { Found } from './bundles.ts'
import type { Dependency, Made } from './made.ts'
import { readSummary } from './read-summary.ts'
import { joined, say, type Outline, type Said } from './outline.ts'
import type { Build, TreeNode } from './tree.ts'

/** How many of a kind are named unless all are asked for. */
const maxNamed = 20

/** The tree from an artifact back, in lines. `all`: every dependency and input by name. */
export function tellTree(node: TreeNode, options: { readonly all: boolean }): Outline[] {
  const name = node.names.length === 0 ? say`` : say`  ${node.names.join(', ')}`
  const head = say`sha256:${node.sha256}${name}`
  if (node.state === 'circle')
    return [{ line: say`${head}: not followed again: it stands above, as if it were made from itself` }]
  if (node.state === 'cut') return [{ line: say`${head}: not followed: too far from the first` }]
  const strange: Outline[] =
    node.strangers === 0
      ? []
      : [
          {
            line: say`UNVERIFIED: ${node.strangers} attestations were found for it that are about something else`,
          },
        ]
  const cut = node.isCut ? [{ line: say`${cutLine}` }] : []
  if (node.state === 'unknown')
    return [{ line: say`${head}: nothing is known about it`, below: [...strange, ...cut] }]
  const further = node.others.filter(({ found }) => found.provenance !== undefined)
  const others = node.others
    .filter(({ found }) => found.provenance === undefined)
    .map(({ predicateType, found }) => ({
      line: say`also: ${predicateType}: ${verdictOf(found)}`,
      below: summaryLines(found),
    }))
  const builds = node.builds.flatMap((one) => tellBuild(one, options))
  return [
    { line: head, below: [...builds, ...furtherLines(further, options), ...others, ...strange, ...cut] },
  ]
}

const cutLine =
  'the server keeps more about it than was read: ask for the build that you mean by its step, mayfly attest show stp_...'

/** Builds that there was no room for: how many, and of those that nobody vouches for one by name. */
function furtherLines(further: TreeNode['others'], { all }: { readonly all: boolean }): Outline[] {
  if (further.length === 0) return []
  const bad = further.filter(({ found }) => !found.verdict.ok)
  const how = all
    ? 'ask for one by its step, mayfly attest show stp_...'
    : 'mayfly attest show --all shows them'
  const [first] = bad
  return [
    {
      line: say`and ${further.length} more ${further.length === 1 ? 'build' : 'builds'} of the same, ${bad.length === 0 ? 'all verified' : say`${bad.length} UNVERIFIED`}: ${how}`,
      below: first === undefined ? [] : [{ line: verdictOf(first.found) }],
    },
  ]
}

/** What a verification summary says; nothing of other statements. */
function summaryLines({ statement }: Found): Outline[] {
  const summary = statement === undefined ? undefined : readSummary(statement)
  if (summary === undefined) return []
  const { result, levels, verifier, policy, resource, at } = summary
  return [
    { line: say`${result}, ${levels.join(', ') || 'no level'}, by ${verifier}, ${at}` },
    { line: say`of ${resource}, under ${policy}` },
  ]
}

function tellBuild({ found, made, inputs }: Build, options: { readonly all: boolean }): Outline[] {
  const named = options.all ? inputs : inputs.slice(0, maxNamed)
  const left = inputs.length - named.length
  const inputsBelow = [
    ...named.flatMap((one) => tellTree(one, options)),
    ...(left > 0 ? [{ line: say`and ${left} more: --all` }] : []),
  ]
  return [
    { line: verdictOf(found) },
    { line: stepLine(made), below: commandLines(made, options.all) },
    { line: runLine(made) },
    { line: sourceLine(made) },
    ...approvalLines(made),
    ...dependencyLines(made, options.all),
    ...(inputs.length === 0
      ? []
      : [{ line: say`from earlier steps of the run, ${inputs.length}:`, below: inputsBelow }]),
  ]
}

/** Who signed, when; or that it is not known to be true, and why. */
export function verdictOf({ verdict }: Found): Said {
  if (!verdict.ok) return say`UNVERIFIED: ${verdict.why}`
  const { signer, timeMs, logIndex } = verdict.by
  const who =
    signer.kind === 'key'
      ? say`the key SHA256:${signer.keyId}`
      : say`${signer.identity.san} (${signer.identity.issuer})`
  return say`verified: signed ${new Date(timeMs).toISOString()} by ${who}, entry ${logIndex} of the attestation log`
}

function stepLine({ step, stepId, role, tier, isolation, outcome, exitCode, builder, isOurs }: Made): Said {
  if (!isOurs) return say`built by ${builder}`
  const ended =
    outcome === undefined
      ? say``
      : say`: ${outcome}${exitCode === undefined ? say`` : say`, exit ${exitCode}`}`
  return say`step "${step ?? '?'}" (${stepId ?? '?'}) in role ${role ?? '?'}, tier ${tier ?? '?'} (${isolation ?? '?'})${ended}`
}

function commandLines({ command, script, image, secretsFound = 0 }: Made, all: boolean): Outline[] {
  const text = script.text ?? command
  return [
    ...(text === undefined ? [] : [ranLines(text, all)]),
    ...(image === undefined ? [] : [{ line: say`in ${image}` }]),
    ...(secretsFound === 0
      ? []
      : [{ line: say`${secretsFound} secrets were masked in what it showed and wrote` }]),
  ]
}

/** A script line by line. The bar keeps a line of it from looking like one of ours ("verified: ..."). */
function ranLines(text: string, all: boolean): Outline {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines.length <= 1) return { line: say`ran: ${text.trim()}` }
  const shown = all ? lines : lines.slice(0, maxNamed)
  const left = lines.length - shown.length
  return {
    line: say`ran a script of ${lines.length} lines:`,
    below: [
      ...shown.map((line) => ({ line: say`| ${line.trim()}` })),
      ...(left > 0 ? [{ line: say`and ${left} more lines: --all` }] : []),
    ],
  }
}

function runLine({ run, ciRun, issuer, event, person }: Made): Said {
  const named = [
    ['CI run', ciRun.id],
    ['attempt', ciRun.attempt],
    ['job', ciRun.job],
    ['of', issuer],
  ] as const
  const ci = named.flatMap(([what, value = '']) => (value === '' ? [] : [say`${what} ${value}`]))
  const by = event === undefined ? say`` : say`, ${event}`
  const of = ci.length === 0 ? say`` : say` (${joined(ci, ', ')})`
  return say`run ${run ?? '?'}${of}, triggered by ${person ?? 'nobody who is named'}${by}`
}

function sourceLine({ source }: Made): Said {
  const { repository, id, ref, commit, uri } = source
  const at = ref === undefined ? say`` : say` at ${ref}`
  return say`commit ${commit ?? '?'} of ${repository ?? uri ?? 'a repository that is not named'}${id === undefined ? say`` : say` (id ${id})`}${at}`
}

function approvalLines({ approvals, isOurs }: Made): Outline[] {
  if (!isOurs) return []
  if (approvals.length === 0) return [{ line: say`nobody had to approve it` }]
  return approvals.map(({ people, group, at, of }) => ({
    line: say`approved by ${people.join(', ') || 'nobody who is named'}${group === undefined ? say`` : say` of ${group}`}: ${of ?? '?'}, ${at ?? '?'}`,
  }))
}

/** Counted by kind; those that nothing vouched for are named in any case. */
function dependencyLines({ dependencies, omitted, isIncomplete }: Made, all: boolean): Outline[] {
  if (dependencies.length === 0 && omitted === 0 && !isIncomplete)
    return [{ line: say`no dependencies were taken through the gateway` }]
  const kinds = [...Map.groupBy(dependencies, ({ kind }) => kind)].toSorted(
    ([, a], [, b]) => b.length - a.length,
  )
  const counts = joined(
    kinds.map(([kind, ones]) => say`${ones.length} ${kind}`),
    ', ',
  )
  const unverified = dependencies.filter(({ verifiedBy }) => verifiedBy === undefined)
  const listed = all ? dependencies : unverified.slice(0, maxNamed)
  const left = unverified.length - listed.length
  return [
    {
      line: say`dependencies: ${dependencies.length} (${counts}); ${unverified.length === 0 ? 'all verified' : say`${unverified.length} UNVERIFIED`}${omitted === 0 ? say`` : say`; ${omitted} more are not named`}${isIncomplete ? say`; others may be missing: a server was killed while it ran` : say``}`,
      below: [
        ...listed.map((one) => ({ line: dependencyLine(one) })),
        ...(left > 0 ? [{ line: say`and ${left} more that are unverified: --all` }] : []),
      ],
    },
  ]
}

function dependencyLine({ uri, digest, verifiedBy }: Dependency): Said {
  const [algorithm = '', hex = 'no digest'] = Object.entries(digest)[0] ?? []
  const by = verifiedBy === undefined ? say`UNVERIFIED` : say`by ${verifiedBy}`
  return say`${uri}  ${algorithm === '' ? '' : `${algorithm}:`}${hex}  ${by}`
}
