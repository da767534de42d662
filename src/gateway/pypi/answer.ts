import { plainAnswer, type Exchange } from '../exchange.ts'

const maxPhraseChars = 400

/** A refusal as pip, uv and twine show it: pip and twine show the reason phrase of the status line, uv the body. */
export function answerPlain({ request, response }: Exchange, status: number, message: string): undefined {
  // Who sends a file reads no answer before its end.
  request.resume()
  if (!response.headersSent)
    response.statusMessage = message.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, maxPhraseChars)
  plainAnswer(response, status, message)
  return undefined
}

/** Refuses for a reason that is not policy's, which is recorded. */
export function refuse(exchange: Exchange, reason: string, status = 403): undefined {
  const { connection, request, path } = exchange
  const what = `pypi ${request.method} ${connection.name}${path}`
  return answerPlain(exchange, status, exchange.deny(what, reason))
}
