import { placedEgress, type LintRule } from './rule.ts'

/** Where anybody may have a host of their own: hosting, tunnels, object stores. */
const shared = [
  'amazonaws.com',
  'azurewebsites.net',
  'blob.core.windows.net',
  'cloudfront.net',
  'digitaloceanspaces.com',
  'fly.dev',
  'github.io',
  'githubusercontent.com',
  'gitlab.io',
  'googleapis.com',
  'herokuapp.com',
  'netlify.app',
  'ngrok.app',
  'ngrok.io',
  'onrender.com',
  'pages.dev',
  'r2.dev',
  'run.app',
  'trycloudflare.com',
  'vercel.app',
  'web.app',
  'workers.dev',
]

export const openEgress: LintRule = {
  id: 'open-egress',
  severity: 'error',
  title: 'A step may reach hosts that anybody can have',
  why: 'What a step may read it can send to every host that it reaches. Where anybody can have a host, that is an attacker’s (Shai-Hulud, tj-actions: secrets went out to hosts like these).',
  fix: 'Name the one host that is needed, with its port.',
  check: (subject) =>
    placedEgress(subject).flatMap(({ source, who, path }) => {
      const apex = /^\*\.(?<apex>.+):[0-9]+$/.exec(source)?.groups?.['apex']
      if (apex === undefined) return []
      const isOpen =
        !apex.includes('.') ||
        shared.some((one) => one === apex || apex.endsWith(`.${one}`) || one.endsWith(`.${apex}`))
      return isOpen
        ? [{ path, message: `${who} may reach ${source}: anybody can have a host there` }]
        : [{ path, message: `${who} may reach every host of ${source}`, severity: 'warning' as const }]
    }),
}
