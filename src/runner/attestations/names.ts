import type { Handed } from './handed.ts'

export interface AttestationFile {
  readonly name: string
  readonly text: string
}

interface Named {
  readonly path: string
  /** In hex. */
  readonly sha256: string
}

/*
 * The one rule for names, for who writes the files and for who looks for them. Beside an artifact its bundle has its base name; where
 * another artifact has the same one, or it is one that a terminal or a disk might take for another, the digest; and of more than a
 * hundred artifacts there is one bundle for all.
 */
const endsAs = (name: string) => `${name}.sigstore.json`
const byDigest = (sha256: string) => endsAs(`sha256-${sha256}`)
const ofAll = endsAs('provenance')
const ofPackages = endsAs('sbom')
const plainEnvelopes = 'provenance.intoto.jsonl'

/** Where what is signed about a file may stand, in the folder that it is written to: the names that are looked for, in this order. */
export function bundleNamesOf({ path, sha256 }: Named): string[] {
  return [endsAs(baseOf(path)), byDigest(sha256), ofAll, ofPackages]
}

/** Envelopes alone, which say nothing of who signed them: where only these are, whoever looks is told that they do not do. */
export function plainNamesOf({ path }: Pick<Named, 'path'>): string[] {
  return [`${baseOf(path)}.intoto.jsonl`, plainEnvelopes]
}

/** With more artifacts there is one file for all. */
const maxSeparate = 100
/** Names of ours; an artifact that is called so gets another one. */
const own: ReadonlySet<string> = new Set(['provenance', 'sbom', 'sha256sums'])
const sums = 'SHA256SUMS'

/** The files that hold what was signed, none of them twice. */
export function attestationFiles(
  handed: Omit<Handed, 'about'>,
  artifacts: readonly Named[],
): AttestationFile[] {
  const { provenance, sbom, sums: summed } = handed
  const files: AttestationFile[] = []
  if (provenance !== undefined) {
    for (const name of bundleNames(artifacts)) files.push({ name, text: lineOf(provenance) })
    files.push({ name: plainEnvelopes, text: envelopeLine(provenance) })
  }
  if (sbom !== undefined) files.push({ name: ofPackages, text: lineOf(sbom) })
  if (summed !== undefined)
    files.push({ name: sums, text: summed.text }, { name: endsAs(sums), text: lineOf(summed.bundle) })
  return files
}

/** All names that may be written for these artifacts: what a step put there under one of them is not ours. */
export function attestationNames(artifacts: readonly Named[]): string[] {
  const always = [plainEnvelopes, ofPackages, sums, endsAs(sums)]
  return [...bundleNames(artifacts), ...always]
}

/** Does a file of an earlier run have such a name? */
export function isAttestationName(name: string): boolean {
  return /\.sigstore\.json$|\.intoto\.jsonl$|^SHA256SUMS$/.test(name)
}

function bundleNames(artifacts: readonly Named[]): string[] {
  if (artifacts.length === 0 || artifacts.length > maxSeparate) return [ofAll]
  const baseNames = artifacts.map(({ path }) => folded(baseOf(path)))
  const count = (name: string) => baseNames.filter((one) => one === name).length
  const names = artifacts.map(({ path, sha256 }, i) => {
    const baseName = baseOf(path)
    const isPlain = /^[A-Za-z0-9_][\w.+@=,~-]{0,199}$/.test(baseName)
    const isAlone = count(baseNames[i] ?? '') === 1 && !own.has(baseNames[i] ?? '')
    return isPlain && isAlone ? endsAs(baseName) : byDigest(sha256)
  })
  return [...new Set(names)]
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Names that are one on a disk that knows no case are one here: where the files go later we do not know. */
function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

function lineOf(json: string): string {
  return json.endsWith('\n') ? json : `${json}\n`
}

/** The envelope of a bundle by itself (DSSE), in one line. */
function envelopeLine(bundle: string): string {
  const { dsseEnvelope } = JSON.parse(bundle) as { dsseEnvelope?: unknown }
  return `${JSON.stringify(dsseEnvelope)}\n`
}
