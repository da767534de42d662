const named: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Markup that was made by `html`; a plain text is none. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A template whose values are escaped, unless they are `Html` themselves. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  const filled = parts.map((part, i) => `${part}${i < values.length ? render(values[i] ?? '') : ''}`)
  return new Html(filled.join(''))
}

function render(value: string | number | Html | readonly Html[]): string {
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map((one) => one.text).join('\n')
  return String(value).replaceAll(/[&<>"']/g, (character) => named[character] ?? '')
}

/** A whole page. No script runs on it and nothing is loaded. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} · Mayfly</title>
      </head>
      <body>
        <h1>${title}</h1>
        ${body}
      </body>
    </html> `.text
}
