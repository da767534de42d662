import { isolationOf, type Engine } from '../../lib/index.ts'
import type { ReportedFacts, ReportedFile } from './facts.ts'
import { digestSet, plain, present } from './plain.ts'
import { scriptOf } from './provenance.ts'
import { compare, fileName } from './subjects.ts'

const maxNamed = 100

/** What the supervisor said, in a member of its own: it runs on the CI’s machine, outside the sandbox. */
export function reportedOf(reported: ReportedFacts): Record<string, unknown> {
  const { tier, engine, image, workspace, exitCode, signal, durationMs, limit, limitsHeldBy, log } = reported
  const logDigest = digestSet({ sha256: log?.sha256 ?? '' })
  return present({
    name: plain(reported.name),
    tier,
    isolation: isolationOf(tier, engine as Engine | undefined),
    engine: text(engine),
    image: text(image),
    command: plain(reported.command, 4_096),
    workspace:
      workspace === undefined ? undefined : { kind: plain(workspace.kind, 64), id: plain(workspace.id, 256) },
    exitCode,
    signal: text(signal),
    durationMs,
    script: scriptOf(reported.script),
    limit: text(limit),
    limitsHeldBy: text(limitsHeldBy),
    programs: programsOf(reported.programs),
    log: log === undefined || logDigest === undefined ? undefined : { bytes: log.bytes, digest: logDigest },
    artifacts: filesOf(reported.artifacts, reported.artifactsSha256, reported.artifactsCount),
    inputs: filesOf(reported.inputs, reported.inputsSha256, reported.inputsCount),
    secretsSeen: reported.secretsSeen
      ?.map(({ name, count }) => ({ name: plain(name), count }))
      .toSorted((one, other) => compare(one.name, other.name)),
    directAttempts: reported.directAttempts,
  })
}

function text(value: string | undefined): string | undefined {
  return value === undefined ? undefined : plain(value)
}

function programsOf(programs: ReportedFacts['programs']) {
  if (programs === undefined) return undefined
  const { seen, looks, more } = programs
  return {
    seen: seen.map(({ program, looks: times }) => ({ program: plain(program), looks: times })),
    looks,
    more,
  }
}

/** The first hundred by name; the digest is that of the whole list, as sha256sum(1) prints it. */
function filesOf(files: readonly ReportedFile[], listSha256: string | undefined, count = files.length) {
  if (count === 0) return undefined
  const named = files
    .map(({ path, sha256, bytes }) => ({ name: fileName(path), digest: digestSet({ sha256 }), bytes }))
    .toSorted((one, other) => compare(one.name, other.name))
    .slice(0, maxNamed)
  return present({ files: named, count, listDigest: digestSet({ sha256: listSha256 ?? '' }) })
}
