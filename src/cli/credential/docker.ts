import type { HandedCredential } from '../../runner/index.ts'
import { loginOf, readPlace, type Offered, type Place } from './place.ts'

/** What docker's own helpers say for it (docker-credential-helpers, credentials/error.go): the tool goes on without. */
export const notFound = 'credentials not found in native keychain'

/** Docker Hub's registry, and the names that tools have for it (docker, podman and skopeo, crane and regclient). */
const hub = 'registry-1.docker.io'
const hubNames: ReadonlySet<string> = new Set(['index.docker.io', 'docker.io', 'registry.hub.docker.com'])
const hubUrl = 'https://index.docker.io/v1/'

/**
 * The registries that docker, podman or skopeo may mean: one line, a URL, or a host alone, which is asked by either scheme. What is behind
 * the host is left out: a registry has its root there. None for what is no address.
 */
export function readServerUrl(text: string): Place[] {
  const line = text.replace(/\r?\n$/, '')
  const urls = line.includes('://') ? [line] : [`https://${line}`, `http://${line}`]
  return urls
    .flatMap((url) => readPlace(url) ?? [])
    .map((place) => ({ ...place, path: '', host: hubNames.has(place.host) ? hub : place.host }))
}

export function writeDockerAnswer(serverUrl: string, { fields }: HandedCredential): string {
  const { username, password } = loginOf(fields)
  return `${JSON.stringify({ ServerURL: serverUrl.trim(), Username: username, Secret: password })}\n`
}

/** Which registries there are, and whose: no credential is made for that. */
export function writeDockerList(offered: readonly Offered[]): string {
  const registries = offered.filter(({ kind }) => kind === 'oci')
  const named = registries.map(({ url }) => {
    const { host } = new URL(url)
    return [host === hub ? hubUrl : host, 'mayfly']
  })
  return `${JSON.stringify(Object.fromEntries(named))}\n`
}
