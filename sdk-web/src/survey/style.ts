// How the widget looks.
// Invariant: every colour comes from the palette below or the theme; logical sides only, so that it mirrors.

export const css = `
:host{all:initial!important;display:block!important;color-scheme:light dark!important}
.r{--er:#b3261e;--a:var(--tm-accent,var(--t-accent,#3355e0));--b:var(--tm-background,var(--t-background,#fff));--t:var(--tm-text,var(--t-text,#171a21));--m:var(--tm-muted,var(--t-muted,#566072));--l:var(--tm-border,var(--t-border,#868f9e));--q:var(--tm-radius,var(--t-radius,14px));--f:var(--tm-font,var(--t-font,system-ui,-apple-system,sans-serif));--s:color-mix(in srgb,var(--t) 6%,var(--b));--h:color-mix(in srgb,var(--a) 12%,var(--b));--e:color-mix(in srgb,var(--a) 60%,var(--t));color-scheme:light;font:400 max(16px,1rem)/1.45 var(--f);color:var(--t)}
.r.dark{--er:#ffb4ab;--a:var(--tm-accent,var(--t-accent,#93acff));--b:var(--tm-background,var(--t-background,#181b21));--t:var(--tm-text,var(--t-text,#f1f3f7));--m:var(--tm-muted,var(--t-muted,#a9b2c1));--l:var(--tm-border,var(--t-border,#737d8d));color-scheme:dark}
*{box-sizing:border-box}
.pa{background:color-mix(in srgb,var(--a),var(--a))}
.pb{background:color-mix(in srgb,var(--b),var(--b))}
.v,.pa,.pb{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.card{position:relative;container:card/inline-size;display:block;margin:0;padding:0;border:1px solid color-mix(in srgb,var(--t) 14%,transparent);border-radius:var(--q);background:var(--b);color:var(--t);text-align:start;overflow:auto;overscroll-behavior:contain}
.card:focus{outline:0}
.pop,dialog.card{box-shadow:0 1px 2px #0000001f,0 12px 40px #0000003d}
.pop{position:fixed;inset:auto;inset-block-end:16px;inset-inline-end:16px;width:min(420px,100vw - 32px);max-height:min(720px,100dvh - 32px);z-index:2147483647}
dialog.card{width:min(560px,100vw - 32px);max-width:none;max-height:calc(100dvh - 32px);margin:auto}
dialog::backdrop{background:#0b0d1299}
.in{overflow:clip;width:100%}
form,.done{padding:22px 24px 20px;display:block;margin:0}
.bar{position:sticky;inset-block-start:0;z-index:1;height:4px;background:var(--s);overflow:hidden}
.bar i{display:block;height:100%;background:var(--a);border-start-end-radius:4px;border-end-end-radius:4px}
.pre{margin:0 0 12px;padding:6px 12px;border-radius:8px;background:var(--s);border:1px dashed var(--l);font-size:.875em;font-weight:600;text-align:center}
.top{display:flex;align-items:start;gap:12px;margin-block-end:14px}
.top>div{flex:1;min-width:0}
h2{margin:0;font:650 1.125em/1.35 var(--f);overflow-wrap:anywhere;outline:0;white-space:pre-line}
.d{margin:6px 0 0;color:var(--m);font-size:.9375em;overflow-wrap:anywhere;white-space:pre-line}
.d.q{margin:-6px 0 12px;font-size:.875em}
button{font:600 .9375em/1.25 var(--f);color:inherit;background:0 0;border:0;border-radius:min(var(--q),10px);padding:11px 18px;min-height:44px;cursor:pointer}
button.p{background:var(--a);color:var(--on-accent,#fff);margin-inline-start:auto;min-width:96px}
button.p:hover{background:color-mix(in srgb,var(--a) 90%,var(--t))}
button.g{padding-inline:12px;margin-inline-start:-12px;color:var(--m)}
button.g:hover,button.z:hover{background:var(--s);color:var(--t)}
button.z{display:grid;place-items:center;flex:none;width:36px;height:36px;min-height:0;margin-block-start:-7px;margin-inline-end:-9px;padding:0;color:var(--m);border-radius:50%}
svg{display:block;width:1.25em;height:1.25em;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
textarea+.count:not(:empty){margin-block-start:6px}
.foot{display:flex;align-items:center;gap:8px;margin-block-start:20px}
.count{color:var(--m);font-size:.8125em;font-variant-numeric:tabular-nums}
:focus-visible{outline:2.5px solid var(--t);outline-offset:2px}
.e{margin:12px 0 0;padding-inline-start:10px;border-inline-start:3px solid var(--er);color:var(--er);font-size:.9375em;font-weight:600}
.e:empty{display:none}
.row{display:flex;align-items:flex-start;gap:11px;padding:11px 13px;min-height:46px;border:1px solid var(--l);border-radius:min(var(--q),10px);cursor:pointer;overflow-wrap:anywhere}
.row+.row{margin-block-start:8px}
.row>span{flex:1;min-width:0}
.row:hover{background:var(--s)}
.row:has(:checked){background:var(--h);border-color:var(--e);box-shadow:inset 0 0 0 1px var(--e)}
.row:focus-within:has(:focus-visible){outline:2.5px solid var(--t);outline-offset:2px}
.row input{flex:none;width:20px;height:20px;margin:1.5px 0 0;accent-color:var(--a);outline:0}
input.i,textarea{display:block;margin:0;width:100%;font:inherit;color:inherit;background:var(--b);border:1px solid var(--l);border-radius:min(var(--q),10px);padding:10px 13px;min-height:46px}
textarea{min-height:112px;resize:vertical}
input.i:focus-visible,textarea:focus-visible{outline-offset:0;border-color:var(--t)}
[aria-invalid=true]{border-color:var(--er)}
.i.own{margin-block-start:8px}
.i.own[hidden]{display:none}
.c{position:relative;display:grid;place-items:center;min-width:0;cursor:pointer}
.scale{display:grid;grid-template-columns:repeat(var(--n),minmax(0,1fr));gap:5px}
.scale b{display:grid;place-items:center;width:100%;min-height:44px;border:1px solid var(--l);border-radius:min(var(--q),9px);font-weight:600}
.c input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}
.c:hover b{background:var(--s)}
.c input:checked+b{background:var(--a);border-color:var(--e);color:var(--on-accent,#fff)}
.c input:focus-visible+b{outline:2.5px solid var(--t);outline-offset:2px}
.pic{display:flex;justify-content:space-between;gap:4px;max-width:380px;margin-inline:auto}
.pic b{display:grid;place-items:center;width:48px;height:48px;max-width:100%;border-radius:14px;color:var(--m)}
.pic svg{width:36px;height:36px;max-width:100%;stroke-width:1.6}
.pic .c{flex:0 1 48px}
.pic .c input:checked+b{background:var(--h);color:var(--t);box-shadow:0 0 0 2px var(--e)}
.pic+.ends{max-width:380px;margin-inline:auto}
.star,.star+.ends{max-width:310px}
.star .c.on b,.star .c input:checked+b{background:0 0;box-shadow:none;color:var(--a)}
.star .c.on svg{fill:var(--a);stroke:var(--e)}
.ends{display:flex;justify-content:space-between;gap:24px;margin-block-start:8px;color:var(--m);font-size:.875em}
.ends span{min-width:0;overflow-wrap:anywhere}
.ends span:last-child{text-align:end}
.rank{width:100%;display:flex;text-align:start;font-weight:400;font-size:1em;line-height:1.45}
.rank[aria-pressed=true]{background:var(--h);border-color:var(--e);box-shadow:inset 0 0 0 1px var(--e)}
.rank i{flex:none;display:grid;place-items:center;width:24px;height:24px;border-radius:50%;border:1.5px dashed var(--l);font:700 .8125em/1 var(--f)}
.rank[aria-pressed=true] i{border:0;background:var(--a);color:var(--on-accent,#fff)}
.part{margin-block-start:18px}
.part:first-child{margin-block-start:0}
h3{margin:0 0 8px;font:600 1em/1.4 var(--f);overflow-wrap:anywhere}
.chips{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,112px),1fr));gap:6px}
.chips b{display:grid;place-items:center;width:100%;height:100%;min-height:42px;padding:7px 9px;text-align:center;font-weight:500;font-size:.875em;line-height:1.3;border:1px solid var(--l);border-radius:min(var(--q),9px);overflow-wrap:anywhere}
.chips .c{align-items:stretch}
.head{display:none}
.bw{display:grid;grid-template-columns:minmax(56px,auto) 1fr minmax(56px,auto);align-items:center;gap:0 8px}
.bw>span{padding:10px 0;overflow-wrap:anywhere;text-align:center}
.bw .k{color:var(--m);font-size:.8125em;font-weight:600;align-self:end;padding:0 0 6px;text-align:center;max-width:84px}
.bw hr{grid-column:1/-1;width:100%;border:0;border-block-start:1px solid color-mix(in srgb,var(--t) 12%,transparent);margin:0}
.dot{display:grid;place-items:center;min-width:44px;min-height:44px;cursor:pointer;border-radius:50%}
.dot input{width:22px;height:22px;margin:0;accent-color:var(--a)}
.dot:hover{background:var(--s)}
.money{display:flex;align-items:center;gap:8px}
.money span{color:var(--m);flex:none}
.money input.i{max-width:180px}
.lab{display:block;margin-block-end:6px;font-size:.9375em;font-weight:500}
.done{text-align:center;padding-block:34px 30px}
.done svg{width:52px;height:52px;margin:0 auto 14px;padding:12px;border-radius:50%;background:var(--a);color:var(--on-accent,#fff);stroke-width:2.4}
.done button{margin-block-start:18px}
.done h2{max-width:36ch;margin-inline:auto}
@container card (max-width:360px){form,.done{padding-inline:16px}.scale.many{grid-template-columns:repeat(var(--k),minmax(0,1fr))}.bw{gap:0 4px}}
@container card (min-width:600px){form{padding:34px 40px 30px}.top{margin-block-end:20px}h2{font-size:1.3125em}.scale b{min-height:50px}.pic{gap:12px}.pic b{width:60px;height:60px}.pic svg{width:44px;height:44px}.pic .c{flex-basis:60px}.grid{display:grid;grid-template-columns:minmax(120px,2fr) repeat(var(--n),minmax(52px,1fr));align-items:center}.grid>.part{display:grid;grid-template-columns:subgrid;grid-column:1/-1;align-items:center;margin:0;border-block-start:1px solid color-mix(in srgb,var(--t) 12%,transparent)}.grid>.part h3{margin:0;padding-block:8px;padding-inline-end:12px;font-weight:500}.grid .chips{display:contents}.grid .head{display:grid;grid-template-columns:subgrid;grid-column:1/-1;align-items:end;color:var(--m);font-size:.8125em;text-align:center;padding-block-end:8px}.grid .head span{padding-inline:4px;overflow-wrap:anywhere}.grid .c{min-height:48px;align-items:center}.grid .c b{width:24px;height:24px;min-height:0;padding:0;border-radius:50%;font-size:0;border-width:1.5px}.grid .c input:checked+b{background:radial-gradient(var(--on-accent,#fff) 0 25%,var(--a) 30%)}}
@media (max-width:480px){.pop{inset-inline:8px;inset-block-end:8px;width:auto;max-height:calc(100dvh - 16px)}dialog.card{width:calc(100vw - 16px);max-height:calc(100dvh - 16px)}}
@media (prefers-reduced-motion:no-preference){.pop,dialog.card{animation:up .28s cubic-bezier(.2,.8,.2,1)}.bar i{transition:inline-size .3s}button,.row,b{transition:background-color .12s,border-color .12s}@keyframes up{from{opacity:0;transform:translateY(16px)}}}
@media (forced-colors:active){.c input:checked+b,.rank[aria-pressed=true]{outline:4px solid Highlight}.bar i{background:Highlight}button.p{border:1px solid}}
`;
