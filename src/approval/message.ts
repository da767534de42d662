import { escapeUnseen, type Secret, signatureHeaders, webhookKey } from '../lib/index.ts'
import type { NotifyConfig } from '../config/index.ts'

/** One HTTP request that tells somebody something. */
export interface Message {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

interface Event {
  readonly type: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Makes the request for this target. Throws `secret_missing`, or `config_invalid` for a secret that is of no use. */
export async function messageFor(
  row: { readonly id: string; readonly event: string },
  target: NotifyConfig,
  context: { nowMs: number; url: string; openSecret: (name: string) => Promise<Secret> },
): Promise<Message> {
  const event = JSON.parse(row.event) as Event
  const { approval } = event.data
  const link = typeof approval === 'string' ? `${context.url}/approvals/${approval}` : context.url
  if (target.kind === 'slack') {
    const url = (await context.openSecret(target.url.slice('secret:'.length))).reveal().trim()
    return { url, headers: {}, body: JSON.stringify(slackMessage(event, link)) }
  }
  const body = JSON.stringify({ ...event, data: { ...event.data, url: link } })
  const key = webhookKey(await context.openSecret(target.key.slice('secret:'.length)))
  return { url: target.url, headers: signatureHeaders({ id: row.id, nowMs: context.nowMs, body, key }), body }
}

const titles: Readonly<Record<string, string>> = {
  'approval.requested': 'Approval needed',
  'approval.granted': 'Approved',
  'approval.denied': 'Approval denied',
  'approval.expired': 'Approval expired',
  'secret.rotation_failed': 'Rotation of a secret failed',
  'secret.rotation_late': 'Rotation of a secret is late',
  'scan.alive': 'A secret that was found is alive',
}

// Names of branches and people are an attacker's to choose: `plain_text` renders no link, no mention, no markup.
function slackMessage(event: Event, link: string): object {
  const { data } = event
  const title = titles[event.type] ?? event.type
  const words = [
    'operation',
    'detail',
    'step',
    'grant',
    'roles',
    'repository',
    'ref',
    'commit',
    'workflow',
    'environment',
    'actor',
    'needs',
    'by',
    'reason',
    'expires',
    'secret',
    'owner',
    'rotator',
    'problem',
    'about',
    'late',
    'rule',
    'at',
    'whose',
    'can',
    'fingerprint',
  ]
  const lines = words
    .filter((word) => data[word] !== undefined)
    .map((word) => `${word}: ${oneLine([data[word]].flat().join(', '))}`)
  const plain = (text: string) => ({ type: 'plain_text', text, emoji: false })
  return {
    // Shown in previews only; Slack reads `&`, `<` and `>` as markup here.
    text: `${title}: ${escapeMarkup(oneLine(placeOf(data)))}`,
    blocks: [
      { type: 'header', text: plain(title) },
      { type: 'section', text: plain(`${lines.join('\n')}\n${link}`.slice(0, 2900)) },
      ...(event.type === 'approval.requested'
        ? [{ type: 'actions', elements: [{ type: 'button', text: plain('Look at it'), url: link }] }]
        : []),
    ],
  }
}

function placeOf({ repository, issuer, secret }: Readonly<Record<string, unknown>>): string {
  if (typeof secret === 'string') return secret
  if (typeof repository === 'string') return repository
  return typeof issuer === 'string' ? issuer : ''
}

function oneLine(text: string): string {
  return escapeUnseen(text.replaceAll(/\s+/g, ' ')).slice(0, 300)
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
