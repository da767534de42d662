import type { Authority, Trust } from './model.ts'

/** Instances that sign for anybody: what a statement says of a role there, anybody may have written. */
const hosts = ['sigstore.dev', 'sigstage.dev', 'githubapp.com', 'github.com', 'ghe.com']
/** The organizations of their certificates, for roots that leave addresses out or name others. */
const organizations = ['sigstore.dev', 'GitHub, Inc.']

/** Whose public instance it is, if one of a root's authorities is one's. */
export function publicInstanceIn({ authorities }: Trust): string | undefined {
  return authorities.map(instanceOf).find((name) => name !== undefined)
}

function instanceOf({ uri, chain }: Authority): string | undefined {
  const host = hostOf(uri)
  if (hosts.some((one) => host === one || host.endsWith(`.${one}`))) return host
  return organizations.find((one) =>
    chain.some(({ issuer, subject }) => issuer.includes(one) || subject.includes(one)),
  )
}

/** GitHub's root has a bare host where others have a URL; a dot behind it is the same host, and so are other letters. */
function hostOf(uri: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(uri) ? uri : `https://${uri.replace(/^\/+/, '')}`
  const host = URL.canParse(url) ? new URL(url).hostname : uri
  return host.toLowerCase().replace(/\.+$/, '')
}
