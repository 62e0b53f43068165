// CloudFront runs this before each request for a page: it asks for the token where access is restricted, as
// web/middleware.py does, and maps the address to its file, as web/publication.py names it.
const crypto = require('crypto');
const access = '${PageAccess}'; // open, closed, or the SHA-256 of the token
const free = ['/style.css', '/icon.svg', '/pages.js', '/uplot.js', '/uplot.css'];
const tables = ['/api/v1/signals.csv', '/api/v1/signals.parquet'];
const same = free.concat(['/openapi.json', '/feed.xml'], tables);
const parameters = {
  '/': ['before'],
  '/signals': ['after'],
  '/api/v1/digest': ['window'],
  '/api/v1/digests': ['before', 'limit'],
  '/api/v1/signals': ['after', 'symbol']
};
// Any other parameter of these is a filter, for which there is no file: an answer without it would be another one.
const filtered = ['/api/v1/signals'].concat(tables);
// Fields of the form on /signals.
const fields = ['symbol', 'from', 'to', 'signal_type', 'lifecycle', 'event', 'mode'];

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    return text;
  }
}

function token(header) {
  const place = header.indexOf(' ');
  if (place < 0) return '';
  const scheme = header.slice(0, place).toLowerCase();
  const secret = header.slice(place + 1).trim();
  if (scheme === 'bearer') return secret;
  if (scheme !== 'basic') return '';
  const pair = Buffer.from(secret, 'base64').toString();
  return pair.indexOf(':') < 0 ? '' : pair.slice(pair.indexOf(':') + 1).trim();
}

function values(pair) { // of a parameter or cookie, which may come more than once
  return pair ? (pair.multiValue || [pair]).map(function (each) { return each.value; }) : [];
}

function opens(secret) {
  return crypto.createHash('sha256').update(secret).digest('hex') === access;
}

function redirect(request, secret) { // to the same address without the token, which a cookie keeps from now on
  const query = [];
  Object.keys(request.querystring).forEach(function (name) {
    if (name === 'access') return;
    values(request.querystring[name]).forEach(function (value) { query.push(name + '=' + value); });
  });
  // One slash: an address that began with two would name another host.
  const location = '/' + request.uri.replace(/^[\/\\]+/, '') + (query.length ? '?' + query.join('&') : '');
  const attributes = 'Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax'; // 30 days, as the application's
  return {
    statusCode: 302,
    statusDescription: 'Found',
    headers: {location: {value: location}, 'cache-control': {value: 'no-store'}},
    cookies: {signals_access: {value: encodeURIComponent(secret), attributes: attributes}}
  };
}

function answer(uri, status, description, detail, headers) {
  const api = uri.indexOf('/api/') === 0;
  headers['content-type'] = {value: api ? 'application/json' : 'text/plain; charset=utf-8'};
  headers['cache-control'] = {value: 'no-store'};
  const data = api ? '{"detail":"' + detail + '"}' : detail + '\n';
  return {statusCode: status, statusDescription: description, headers: headers, body: {encoding: 'text', data: data}};
}

function handler(event) {
  const request = event.request;
  const path = decoded(request.uri);
  if (access !== 'open' && free.indexOf(path) < 0) {
    const header = request.headers.authorization;
    const secret = header ? token(header.value) : '';
    const linked = values(request.querystring.access).map(decoded).filter(opens);
    if (linked.length) return redirect(request, linked[0]);
    if (!opens(secret) && !values(request.cookies.signals_access).map(decoded).some(opens)) {
      const asked = {'www-authenticate': {value: 'Bearer realm="signals", Basic realm="signals", charset="UTF-8"'}};
      return answer(path, 401, 'Unauthorized', 'A token is required: send the header Authorization: Bearer TOKEN.', asked);
    }
  }
  const given = fields.some(function (name) { return values(request.querystring[name]).some(Boolean); });
  if (path === '/signals' && given) {
    // A form's filter, for which there is no file: the index of companies says what there is.
    const there = {location: {value: '/companies#published'}, 'cache-control': {value: 'no-store'}};
    return {statusCode: 302, statusDescription: 'Found', headers: there};
  }
  const known = parameters[path] || (path.indexOf('/companies/') === 0 ? ['after'] : []);
  const query = known.filter(function (name) { return request.querystring[name]; });
  const unpublished = filtered.indexOf(path) >= 0 && Object.keys(request.querystring).some(function (name) {
    return known.indexOf(name) < 0 || request.querystring[name].multiValue;
  });
  if (unpublished || query.indexOf('limit') >= 0) {
    const detail = 'This address serves lists without limit, and of signals by one symbol and after alone.';
    return answer(path, 404, 'Not Found', detail, {});
  }
  let name = path === '/' ? '/index' : path;
  if (query.length) {
    name += '@' + query.map(function (key) {
      const value = decoded(request.querystring[key].value);
      return key + '=' + (filtered.indexOf(path) < 0 ? value : value.toUpperCase());
    }).join('&');
  }
  if (same.indexOf(path) < 0) name += path.indexOf('/api/') === 0 ? '.json' : '.html';
  request.uri = name.split('/').map(encodeURIComponent).join('/');
  request.querystring = {};
  return request;
}
