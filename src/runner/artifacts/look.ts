import { join } from 'node:path'
import { escapeUnseen } from '../../lib/index.ts'
import type { ArtifactFindings } from '../api-facts.ts'
import type { Artifacts } from './artifact.ts'

/** Files that one thread is handed at once. */
const filesAtOnce = 64
const maxFindings = 40
const maxPathChars = 300

export interface LookedAt {
  /** What the server is told; undefined if nothing was found, and all was looked at. */
  readonly found: ArtifactFindings | undefined
  /** One line for each, without a secret. */
  readonly lines: readonly string[]
  /** One of them is certain or likely. */
  readonly isSerious: boolean
}

/**
 * Looks for what looks like a secret in the copies that other steps would be given. Rules are loaded for it, and nothing else of a step
 * waits for them. `mask` takes secrets of the job out of names. Throws `thread_failed`.
 */
export async function lookAtArtifacts(
  { folder, files }: Artifacts & { readonly folder: string },
  mask: (text: string) => string,
  nowMs: number,
): Promise<LookedAt> {
  const { createScanner } = await import('../../scan/index.ts')
  const findings: ArtifactFindings['findings'][number][] = []
  let [more, unseen, isSerious] = [0, 0, false]
  await using scanner = createScanner({ nowMs })
  await scanner.scan(batchesOf(folder, files), {
    findings(found) {
      for (const { rule, confidence, file, start, fingerprint, accepted } of found) {
        // What the vault knows nobody asks here.
        if (accepted !== undefined || confidence === 'known') continue
        isSerious ||= confidence !== 'possible'
        const path = mask(file).slice(0, maxPathChars)
        if (findings.length < maxFindings)
          findings.push({ rule, confidence, path, line: start.line, fingerprint })
        else more++
      }
    },
    more: (_name, count) => void (more += count),
    unseen: () => void unseen++,
  })
  const isClean = findings.length === 0 && unseen === 0
  return {
    found: isClean ? undefined : { findings, more, unseen },
    lines: [
      ...findings.map(
        ({ path, line, rule, confidence, fingerprint }) =>
          `${escapeUnseen(path)}:${line}: ${rule} (${confidence}) [${fingerprint}]`,
      ),
      ...(more === 0 ? [] : [`${more} further findings`]),
      ...(unseen === 0 ? [] : [`${unseen} parts could not be looked at`]),
    ],
    isSerious,
  }
}

function* batchesOf(folder: string, files: Artifacts['files']) {
  for (let at = 0; at < files.length; at += filesAtOnce)
    yield {
      parts: files.slice(at, at + filesAtOnce).map(({ path, sha256 }) => ({
        ...{ kind: 'file' as const, name: path, path: join(folder, sha256), below: folder },
      })),
    }
}
