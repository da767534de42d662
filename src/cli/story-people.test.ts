import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellEntry } from './story.ts'

const bound = {
  repository: 'octo/app',
  ref: 'refs/tags/v1\u001b[2J',
  commit: 'abcdef0123456789',
  workflow: 'release.yml',
  actor: { login: 'mona' },
  roles: ['release'],
}
const tell = (type: string, data: Record<string, unknown>) =>
  tellEntry({
    index: 1,
    id: 'i',
    time: '2026-08-01T00:00:00.000Z',
    type,
    subject: 'apr_1',
    run: 'run_1',
    data,
  })

test('who said yes, to what, why, and that it was enough', () => {
  const lines = tell('approval.granted', { by: 'anna', reason: 'planned', complete: true, bound })
  assert.match(lines[0] ?? '', /anna said yes to release: planned; that was enough/)
  assert.match(
    lines[1] ?? '',
    /for octo\/app at refs\/tags\/v1\\u001b\[2J \(abcdef012345\), by release\.yml, triggered by mona/,
  )
})

test('of an operation it is told which: a statement, what a request says of itself, and how grants write it', () => {
  const of = (operations: string[], detail: object) =>
    tell('approval.granted', {
      by: 'anna',
      bound: { ...bound, operation: { operations, stepName: 'migrate', detail } },
    })[0] ?? ''
  assert.match(
    of(['postgres:ddl orders/shop@public'], { statement: 'DROP TABLE old' }),
    /anna said yes to postgres:ddl orders\/shop@public \(DROP TABLE old\) in step migrate/,
  )
  assert.match(
    of(['aws:call prod/ecs:UpdateService/web'], { aws: { method: 'POST', members: { desiredCount: 0 } } }),
    /\(aws\.method: POST, aws\.members\.desiredCount: 0\)/,
  )
  const granted = (operation: object, data: object) =>
    tell('access.granted', { operations: [operation], ...data })[0] ?? ''
  assert.match(
    granted({ action: 'aws:call', connection: 'prod', path: 's3:PutObject', ref: 'releases/a' }, {}),
    /was granted aws:call prod\/s3:PutObject\/releases\/a/,
  )
  assert.match(
    granted(
      { action: 'postgres:ddl', connection: 'orders', path: 'shop', ref: 'public' },
      { statement: 'DROP TABLE old' },
    ),
    /was granted postgres:ddl orders\/shop@public: DROP TABLE old/,
  )
  assert.match(granted({}, {}), /was granted \? \?/)
})

test('every entry about people is told, also if half of it is missing', () => {
  for (const [type, says] of [
    ['approval.requested', /asked for/],
    ['approval.denied', /\? said no to/],
    ['approval.refused', /REFUSED/],
    ['approval.expired', /expired/],
    ['approval.cancelled', /taken back/],
    ['approval.voided', /was ended/],
    ['operator.signedin', /signed in/],
    ['operator.signedout', /signed out/],
    ['operator.refused', /may do nothing/],
    ['notification.failed', /could not be told/],
  ] as const)
    assert.match(tell(type, {}).join('\n'), says)
})
